"""The model card: what the records say of a run, its limits in plain sentences, and what only people can fill in."""

from __future__ import annotations

from dataclasses import replace

from heldout.answer.best import JUDGED, judged_part
from heldout.answer.calibration import VOID, likeness_told, outdated_told, scaling_told
from heldout.answer.gap import NO_TEST, gap_sentence
from heldout.answer.groups import columns_left_out
from heldout.answer.texts import capital, count, listing, percent, percent_to
from heldout.answer.why import headline, why_lower
from heldout.handing_over.card_tables import budget_table, groups_table, scores_table
from heldout.handing_over.front_matter import front_matter
from heldout.handing_over.names import CARD, MODEL, SCRIPT
from heldout.paper.document import Bullets, Document, Heading, Listing, Paragraph, Part, to_fill
from heldout.paper.statement import Statement
from heldout.paper.statements.evaluation import evaluations
from heldout.paper.statements.split import level
from heldout.paper.write import statements
from heldout.paper.writing import markdown
from heldout.records import BackboneInfo, Diagnosis, RunRow
from heldout.records.calibration import Calibration
from heldout.records.export import ExportRecord
from heldout.records.handover import Thresholds
from heldout.report.material import Material
from heldout.runs.candidates import candidates_of

LEARNED = ("data", "split", "preprocessing", "models", "training", "software")
"""Topics that say what a run learned from, and how."""

JUDGED_BY = ("evaluation.metrics", "evaluation.intervals", "evaluation.baseline")

ERRORS = ("results.errors", "results.cross-table")


def card(
    material: Material, run: str, model: ExportRecord, rule: Thresholds, calibration: Calibration | None, no_script: str
) -> str:
    """`card.md`: YAML for machines, then the card for people.

    Args:
        material: Of the study.
        run: Id of the run.
        model: What stands beside the exported file.
        rule: From which probability on a class is answered.
        calibration: What `heldout calibrate` found; None without.
        no_script: Why there is no `predict.py`; empty where there is.
    """
    own, row = of_run(material, run), material.row(run)
    said = {topic.name: (topic.title, list(found)) for topic, found in statements(own)}
    parts: list[Part] = [
        Paragraph(((opening(material, row, model), ()), (to_fill("who made this model, and whom to ask"), ()))),
        Heading("Intended use"),
        Paragraph((told(to_fill("what it is for, on whose images, read by whom, and what follows from an answer")),)),
        Paragraph((told(to_fill("what it must not be used for, and whether it may be used with patients")),)),
        Heading("Limits"),
        Bullets(tuple(limits(material, own, row, rule, calibration))),
        Heading("How to use it"),
        *usage(model, no_script),
        Heading("When it answers"),
        Bullets((*(one for one in rule.source if one != VOID), *probabilities(calibration))),
        Heading("Scores"),
        scores_table(own, row),
        *sentences([one for one in said["evaluation"][1] if one.key in JUDGED_BY]),
        *sentences([one for one in said["results"][1] if one.key in ERRORS]),
        *sentences([evaluations(material)]),
        Heading("Scores by subgroup"),
        *subgroups(own),
        Heading("Why test is lower than validation"),
        *gap(own, row),
        Heading("What it learned from, and how"),
    ]
    for name in LEARNED:
        if name in said:
            title, found = said[name]
            parts += [Heading(title, 3), *sentences(found)]
    parts += [Heading("Licences"), Bullets(tuple(licences(own, model))), Heading("Checksums"), *checksums(model)]
    text = markdown.document(Document(f"{material.study.name}: {material.names[run].spoken}", tuple(parts)))
    return f"---\n{front_matter(own, row)}\n---\n\n{text}"


def of_run(material: Material, run: str) -> Material:
    """A study as of one of its runs alone, so that what is said of it speaks of no other."""
    row, files = material.row(run), material.run(run)
    comparison = replace(material.comparison, runs=(row,), pairs=(), groups=(), fold_pairs=(), choosing=())
    return replace(
        material,
        files=replace(material.files, runs=(files,)),
        comparison=comparison,
        environments={run: material.environments[run]},
        catalogue={name: info for name, info in material.catalogue.items() if name == files.record.backbone},
        diagnoses={id_: one for id_, one in material.diagnoses.items() if id_ == run},
        about=run,
    )


def told(text: str) -> tuple[str, tuple[str, ...]]:
    """A sentence that cites nothing."""
    return text, ()


def sentences(found: list[Statement]) -> list[Part]:
    """Statements as one paragraph; their sources are for papers."""
    each = tuple(told(text) for one in found for text, _ in one.sentences)
    return [Paragraph(each)] if each else []


def opening(material: Material, row: RunRow, model: ExportRecord) -> str:
    """What the model is, in two sentences."""
    names = " or ".join([", ".join(model.classes[:-1]), model.classes[-1]])
    which = names if model.labels == "single" else f"any of {listing(model.classes)}"
    by = f"the mean of {model.networks} networks" if model.networks > 1 else "a network"
    return (
        f"Answers an image with {which}: {by} ({model.model}) with the strategy "
        f"{model.strategy}, run {row.id} of the study {model.study}, made with heldout {model.heldout}."
    )


def limits(
    material: Material, own: Material, row: RunRow, rule: Thresholds, calibration: Calibration | None
) -> list[str]:
    """What was shown and what was not."""
    part = judged_part(own.comparison)
    found = [gap_sentence_of(own, row)]
    others = count(len(material.runs), "run")
    rank = [one.id for one in material.ranked].index(row.id) + 1 if row in material.ranked else 0
    if len(material.runs) > 1 and rank:
        found.append(
            f"By {JUDGED[part]} it is number {rank} of {others} of its study. A run that was picked by the score that "
            f"is told here is flattered by it: {to_fill('by which images, and by whom, this run was chosen')}"
        )
    found.append(
        "No images but those of its study were answered: how it does on images of another site, device or population "
        "was not measured, unless a subgroup below says so."
    )
    if rule.kind == "class":
        found.append("It answers every image with one of its classes, also one that shows none of them.")
    if VOID in rule.source:
        found.append(VOID)
    if calibration is not None and (
        late := outdated_told(calibration, candidates_of(material.files, calibration.part))
    ):
        found.append(late)
    found.append(" ".join(text for text, _ in level(own).sentences))
    if calibration is not None and calibration.rules and calibration.test_likeness is not None:
        found.append(likeness_told(calibration.test_likeness))
    known = own.featured
    found += known.limits if known is not None else ()
    found.append("heldout is not a medical device, and no record says that this model is one.")
    return found


def gap_sentence_of(own: Material, row: RunRow) -> str:
    """The score on test with its distance from validation, or that there is no test set."""
    if row.test is None:
        return NO_TEST
    shown, words = row.test.score, capital(own.metric.words)
    interval = f"95 % interval {percent_to(shown)}, {count(shown.n, own.unit.name)}"
    rest = gap_sentence(row, own.names[row.id].spoken, own.metric)
    return f"{words} on test is {percent(shown.value)} ({interval}). {rest}"


def usage(model: ExportRecord, no_script: str) -> list[Part]:
    """Commands, and what images have to be."""
    kinds = " or ".join(f"{n}" for n in model.input.channels)
    takes = (
        f"Images have {kinds} channels, values as their files have them; squaring to {model.input.size} × "
        f"{model.input.size} pixels and normalisation are inside {MODEL}. {MODEL}.json says what it takes."
    )
    here = "heldout predict . images/ --csv answers.csv"
    if no_script:
        return [
            Paragraph((told(takes), told(f"There is no {SCRIPT}: {no_script}; heldout reads them."))),
            Listing(f"pip install 'heldout[onnx]'\n{here}", "sh"),
        ]
    commands = (
        "pip install -r requirements.txt",
        f"python {SCRIPT} --self-test",
        f"python {SCRIPT} images/ > answers.csv",
        f"{here}   # the same with heldout, for every format that it reads, DICOM included",
    )
    return [Paragraph((told(takes),)), Listing("\n".join(commands), "sh")]


def probabilities(calibration: Calibration | None) -> list[str]:
    """What the probabilities are."""
    if calibration is None:
        return ["Probabilities are those of the network: they rank, but they are not calibrated."]
    return [f"Probabilities are calibrated. {scaling_told(calibration)}"]


def subgroups(own: Material) -> list[Part]:
    """Groups with their scores; why there are none."""
    known = own.featured
    if known is None:
        return [Paragraph((told(f"None was compared: {undiagnosed(own)}"),))]
    found: list[Part] = [groups_table(known)] if known.groups else []
    left = columns_left_out(known)
    if not found and not left:
        left = "The images name no site, sex, age, device or other column that groups could be made of."
    return [*found, *([Paragraph((told(left),))] if left else [])]


def gap(own: Material, row: RunRow) -> list[Part]:
    """The budget in points, and the causes that were found; or that nobody looked."""
    known = own.featured
    if known is None:
        return [Paragraph((told(f"Not known: {undiagnosed(own)}"),))]
    found: list[Part] = [Paragraph((told(headline(known, own.names[row.id].spoken)),))]
    if known.budget:
        found.append(budget_table(known))
    return [*found, *causes(known)]


def causes(known: Diagnosis) -> list[Part]:
    """Causes that are established or suggested, each with its sentence."""
    why = why_lower(known)
    if not why.explained:
        return []
    if not why.told:
        return [Paragraph((told("No cause could be shown."),))]
    return [Bullets(tuple(f"{capital(one.cause)} ({one.verdict}): {one.sentence}" for one in why.told))]


def undiagnosed(own: Material) -> str:
    """Why there is no diagnosis of the run to tell."""
    refused = next((one for one in own.diagnoses.values() if isinstance(one, str)), "")
    if refused:
        return f"the diagnosis of this run cannot be told ({refused})."
    labels = [label for label, found in own.label_diagnoses.items() if own.about in found]
    if labels:
        return (
            f"{listing(labels)} were diagnosed each by itself, which heldout report STUDY tells and this card does not."
        )
    return "no diagnosis of this run was made (heldout diagnose STUDY)."


def licences(own: Material, model: ExportRecord) -> list[str]:
    """Of the weights what the catalogue states, of all else what is to be filled in."""
    info = next(iter(own.catalogue.values()), None)
    known = info.licence if isinstance(info, BackboneInfo) else model.licence
    weights = f"{known}, as their catalogue states it." if known else to_fill("licence of these weights")
    images = to_fill("their licence, and whether it lets a model of them be handed over")
    return [
        f"Pretrained weights ({model.model}): {weights}",
        f"Images that it learned from ({own.cohort.name}): {images}",
        f"This model: {to_fill('the licence that it is handed over under, here and as license at the top')}",
    ]


def checksums(model: ExportRecord) -> list[Part]:
    """What vouches for the files."""
    check = model.check
    text = (
        f"SHA256SUMS vouches for every file but {CARD}, which people complete (sha256sum -c SHA256SUMS). Once it is "
        f"complete, sha256sum {CARD} >> SHA256SUMS adds it. {MODEL} was read back and asked about {check.images} "
        f"images: probabilities differ by at most {check.largest_difference:.1g} from those of the run."
    )
    return [
        Paragraph((told(text),)),
        Listing(f"{model.sha256}  {model.file}\n{model.run_sha256}  run.json of {model.run}"),
    ]
