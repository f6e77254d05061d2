"""Another language in a real browser: the switch, what scripts say, figures, and accessibility."""

# Fixtures of other rooms are imported and used by name.
# ruff: noqa: F401, F811

from __future__ import annotations

from pathlib import Path

import pytest

from heldout.report.material import Material
from heldout.report.page import in_language
from tests.browsing import until
from tests.language.shown import LANG
from tests.report.test_browser import CHROMIUM, DRAWN, UNFOLD, opened, playwright, pytestmark
from tests.web.conftest import Served, served, study
from tests.web.test_browser import BAD, axe, browser, page


def test_the_switch_in_the_bar_changes_the_language_and_stays(page: playwright.Page, served: Served) -> None:
    page.goto(f"{served.address}/images?part=test")
    until(page, "document.getElementById('told').textContent.endsWith(' images')")
    page.get_by_role("link", name="正體中文").click()
    until(page, "document.getElementById('told')?.textContent.endsWith(' 張影像')")
    assert "part=test" in page.url and page.locator("html").get_attribute("lang") == "zh-Hant-TW"
    assert page.locator(".bar a[aria-current=page]").text_content() == "影像"
    page.goto(f"{served.address}/map")
    page.wait_for_selector("html[data-drawn]", state="attached")
    page.select_option("#colour", "part")
    assert page.locator("#legend button").first.is_visible()
    page.goto(f"{served.address}/overview")
    page.fill("#filter", "finetune")
    until(page, "document.getElementById('filtered').textContent.endsWith(' 次執行')")
    page.get_by_role("link", name="English").click()
    until(page, "document.documentElement.lang === 'en'")
    assert page.locator(".bar a[aria-current=page]").text_content() == "Overview"


def test_the_local_page_in_another_language_is_accessible(page: playwright.Page, served: Served) -> None:
    page.goto(f"{served.address}/language?to={LANG}&back=/why")
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [one for one in found if one["impact"] in BAD] == []
    assert page.locator("html").get_attribute("lang") == "zh-Hant-TW"


@pytest.mark.slow
def test_the_report_draws_and_is_accessible(
    browser: playwright.Browser,
    told: Material,
    tmp_path: Path,
) -> None:
    file = tmp_path / "report.html"
    file.write_text(in_language(told, LANG), encoding="utf-8")
    page, trouble = opened(browser, file)
    page.evaluate(UNFOLD)
    until(page, "[...document.querySelectorAll('[data-figure]')].some(box => box.dataset.state === 'drawn')")
    words = page.locator(".plot text").all_text_contents()
    assert any("驗證" in one for one in words)
    assert axe.Axe().run(page).response["violations"] == []
    assert not trouble
    page.close()
