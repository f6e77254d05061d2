"""How many images there are of each class, as a page."""

from starlette.responses import PlainTextResponse
from starlette.routing import Route

from heldout.web.page import WebPage


def routes(site):
    """The page alone."""

    def page(request):
        counts = site.material().cohort.table["label"].value_counts()
        return PlainTextResponse("\n".join(f"{name}: {counts[name]}" for name in sorted(counts.index)))

    return [Route("/counts", page)]


PAGE = WebPage("counts", "Counts", 350, routes)
