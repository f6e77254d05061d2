"""The review: who you are, image after image, what came of it; readers are told nothing that could sway them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from heldout.errors import HeldoutError, UsageError
from heldout.review.apply import changes
from heldout.review.export import labels_csv, manifest_csv
from heldout.review.of_study import asked_for, grades_of
from heldout.review.status import status_of
from heldout.web.originals import reading_picture
from heldout.web.page import WebPage
from heldout.web.review_desk import Counting, Desk, person
from heldout.web.review_result import agreement_rows, kappa, outcome_rows, run_changes, turned_rows
from heldout.web.site import Site

KEYS = "123456789abcdefghijklmnopqrstvwxy"
"""Key of each class, without `u` and `z`, which take back and enlarge; classes beyond have their button alone."""

PICTURE = {"Cache-Control": "private, max-age=3600"}

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def routes(site: Site) -> Sequence[BaseRoute]:
    """The page and what it asks for; only what is posted changes anything."""
    desk, counting = Desk(site), Counting()

    def start(request: Request) -> Response:
        return site.answer(request, "review.html", _start(desk))

    def reading(request: Request) -> Response:
        snapshot = desk.store.snapshot()
        reader = person(snapshot, _asked(request))
        keys = [KEYS[place] if place < len(KEYS) else "" for place in range(len(snapshot.classes))]
        values = {"reader": reader, "classes": list(zip(keys, snapshot.classes, strict=True))}
        return site.answer(request, "review_reading.html", values)

    def picture(request: Request) -> Response:
        id_ = desk.image_of(request.path_params["token"])
        found = None if id_ is None else reading_picture(site, id_)
        if found is None:
            raise HTTPException(404, "The pixels of this image are not in the study's folder.")
        return Response(found, media_type="image/jpeg", headers=PICTURE)

    def result(request: Request) -> Response:
        return site.answer(request, "review_result.html", _result(desk, counting, "shown" in request.query_params))

    def count(body: Mapping[str, Any]) -> Mapping[str, Any]:
        counting.start(desk.study)
        return counting.told()

    return [
        Route("/review", start),
        Route("/review/reading", reading, methods=["GET"]),
        Route("/review/state.json", _told(lambda request: desk.state(_asked(request)))),
        Route("/review/picture/{token}", picture),
        Route("/review/join", _posted(desk.join), methods=["POST"]),
        Route("/review/read", _posted(desk.read), methods=["POST"]),
        Route("/review/undo", _posted(desk.undo), methods=["POST"]),
        Route("/review/result", result),
        Route("/review/count", _posted(count), methods=["POST"]),
        Route("/review/count.json", _told(lambda request: counting.told())),
        Route("/review/reviewed.csv", lambda request: _saved(labels_csv(desk.store.snapshot()), "reviewed.csv")),
        Route(
            "/review/corrected.csv",
            lambda request: _saved(manifest_csv(desk.study, desk.store.snapshot()), "corrected.csv"),
        ),
    ]


def _start(desk: Desk) -> dict[str, Any]:
    """Who takes part and how far they are; nothing of what was read."""
    study, store = desk.study, desk.store
    reason = "" if study.cohort.pictured else "The study is of tables without images."
    if store.begun:
        status = status_of(study, store.snapshot())
        return {"reason": reason, "images": status.images, "status": status}
    try:
        number = len(asked_for(study))
    except HeldoutError as error:
        return {"reason": str(error), "images": 0, "status": None}
    return {"reason": reason, "images": number, "status": None}


def _result(desk: Desk, counting: Counting, shown: bool) -> dict[str, Any]:
    """What came of the review; as long as somebody reads, only who asks for it expressly sees it.

    Raises:
        HTTPException: No review was begun.
    """
    study, store = desk.study, desk.store
    if not store.begun:
        raise HTTPException(404, "Nobody has read an image yet.")
    snapshot = store.snapshot()
    status = status_of(study, snapshot)
    given = dict(zip(study.cohort.table["id"], study.cohort.table["label"], strict=True))
    return {
        "status": status,
        "shown": shown or not (status.reading or status.outcomes["unread"]),
        "counting": counting.told(),
        "agreement": agreement_rows(status),
        "graded": bool(grades_of(study)),
        "fleiss": kappa(status.agreement.fleiss) if status.agreement.fleiss else None,
        "outcomes": outcome_rows(status),
        "turned": turned_rows(snapshot, given),
        "changes": run_changes(desk.site.material(), changes(store, snapshot)),
    }


def _asked(request: Request) -> int:
    text = request.query_params.get("reader", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _saved(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _told(answer: Callable[[Request], Mapping[str, Any]]) -> Callable[[Request], Response]:
    """What is asked by a script: errors are JSON too."""

    def told(request: Request) -> Response:
        try:
            return JSONResponse(answer(request))
        except HeldoutError as error:
            return JSONResponse({"error": str(error)}, 409)

    return told


def _posted(answer: Answer) -> Callable[[Request], Any]:
    """Likewise for what changes something."""

    def answered(body: object) -> Response:
        try:
            if not isinstance(body, dict):
                raise UsageError("Found JSON of another kind; expected an object.")
            return JSONResponse(answer(body))
        except HeldoutError as error:
            return JSONResponse({"error": str(error)}, 409)

    async def posted(request: Request) -> Response:
        try:
            body = await request.json()
        except (ValueError, RecursionError):
            return JSONResponse({"error": "Found no JSON; expected some."}, 400)
        return await run_in_threadpool(answered, body)

    return posted


PAGE = WebPage("review", "Review", 500, routes)
