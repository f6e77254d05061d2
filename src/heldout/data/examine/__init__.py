"""What is asked of images however they were read: measured, checked, copies and patients found."""
