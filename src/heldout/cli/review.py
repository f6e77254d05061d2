"""`heldout review STUDY`: how far the blind review of test labels is, and the labels that came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import DATA, OUTPUT, Overwrite, StudyArgument

Label = Annotated[
    str,
    typer.Option("--label", metavar="NAME", help="The review of one of several labels an image.", rich_help_panel=DATA),
]
Export = Annotated[
    Path | None,
    typer.Option(
        "--export",
        metavar="FILE",
        help="Write the reviewed labels as CSV: what `heldout diagnose STUDY --review FILE` counts.",
        rich_help_panel=OUTPUT,
    ),
]
Manifest = Annotated[
    Path | None,
    typer.Option(
        "--manifest",
        metavar="FILE",
        help="Write all images with the corrected labels, the given ones beside them: a manifest for `heldout run`.",
        rich_help_panel=OUTPUT,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.", rich_help_panel=OUTPUT)]


def review(
    context: typer.Context,
    study: StudyArgument,
    label: Label = "",
    export: Export = None,
    manifest: Manifest = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Say how far the blind review of test labels is, how well its readers agree, and write the labels that came of it.

    Images are read in the browser: `heldout serve STUDY`, page Review. Readers see neither the given label, nor what
    the model says, nor each other's answers. An image gets a reviewed label where all agree who read it, two at least,
    or where an adjudicator decided. The labels that the study was given are never changed: docs/review.md.
    """
    from heldout.cli.views.review import show_review
    from heldout.errors import UsageError
    from heldout.records.codec import to_data
    from heldout.records.labelling import SINGLE
    from heldout.review.export import write_labels, write_manifest
    from heldout.review.of_study import review_of
    from heldout.review.status import status_of
    from heldout.runs.folder import read_study
    from heldout.runs.one_label import of_label

    env = environment(context)
    whole = read_study(study)
    if not label and whole.cohort.labelling is not SINGLE:
        raise UsageError(f"Found no --label; expected one of: {', '.join(whole.cohort.classes)}.")
    files = of_label(whole, label) if label else whole
    store = review_of(files)
    if not store.begun:
        raise UsageError(
            f"Found no review of {study}; expected one that was begun. Diagnose the study first "
            f"(`heldout diagnose {study}`), then read the images in the browser: `heldout serve {study}`, page Review."
        )
    snapshot = store.snapshot()
    status = status_of(files, snapshot)
    written = {}
    if export is not None:
        written[str(export)] = write_labels(snapshot, export, overwrite)
    if manifest is not None:
        written[str(manifest)] = write_manifest(files, snapshot, manifest, overwrite)
    if as_json:
        env.json({**to_data(status), "written": written})
        return
    show_review(status, env)
    if export is not None:
        env.say(f"\n{written[str(export)]} reviewed labels: {export}")
        env.say(f"Next: heldout diagnose {study} --review {export}")
    if manifest is not None:
        env.say(f"\n{len(files.cohort)} images, {written[str(manifest)]} with another label than was given: {manifest}")
        if files.cohort.root:
            env.say(f"Its paths are relative to {files.cohort.root} (`--images`).")


COMMAND = review
