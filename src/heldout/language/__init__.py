"""Other languages of the report and of the local page: what a page says is translated where it is rendered.

Records and the sentences in them stay English, so that studies can be compared. A language is one folder in `locale/`.
"""

from heldout.language.languages import ENGLISH as ENGLISH
from heldout.language.languages import Language as Language
from heldout.language.languages import checked as checked
from heldout.language.languages import languages as languages
from heldout.language.page import said_by as said_by
from heldout.language.page import translated_data as translated_data
from heldout.language.page import translated_page as translated_page
from heldout.language.translator import Translator as Translator
from heldout.language.translator import translator as translator
