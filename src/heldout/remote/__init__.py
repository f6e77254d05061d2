"""What lies in object stores and on the web, at URLs: listed, fetched and written whole, through fsspec."""
