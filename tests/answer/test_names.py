"""What runs are called: short, one name a run, the same in a table and in a sentence."""

from __future__ import annotations

from heldout.answer.names import RunIdentity, RunName, run_names, short_models


def test_backbones_take_the_shortest_name_that_no_other_shares() -> None:
    names = ["torchvision:resnet34.IMAGENET1K_V1", "timm:resnet34.a1_in1k", "file:/a/b/my.pth", "timm:vit_tiny.x"]
    assert short_models(names) == {
        names[0]: "resnet34.IMAGENET1K_V1",
        names[1]: "resnet34.a1_in1k",
        names[2]: "my",
        names[3]: "vit_tiny",
    }


def test_backbones_that_share_an_architecture_and_a_tag_keep_their_full_names() -> None:
    names = ["timm:resnet50.V1", "torchvision:resnet50.V1"]
    assert short_models(names) == {name: name for name in names}


def test_seeds_are_named_where_they_differ_and_only_there() -> None:
    one = run_names([RunIdentity("a", "timm:m.x", "frozen", 0), RunIdentity("b", "timm:m.x", "probe", 0)])
    assert one == {"a": RunName("m", ("frozen",)), "b": RunName("m", ("probe",))}
    two = run_names([RunIdentity("a", "timm:m.x", "frozen", 0), RunIdentity("b", "timm:m.x", "frozen", 1)])
    assert two["b"] == RunName("m", ("frozen", "seed 1"))


def test_runs_that_are_else_equal_carry_the_end_of_their_id() -> None:
    made = run_names([RunIdentity(f"m-frozen-0-{end}", "timm:m.x", "frozen", 0) for end in ("ab", "cd")])
    assert [name.details for name in made.values()] == [("frozen", "ab"), ("frozen", "cd")]


def test_one_name_three_forms() -> None:
    name = RunName("resnet34", ("frozen", "seed 2"))
    assert name.label == "resnet34 · frozen · seed 2"
    assert name.spoken == "resnet34 (frozen, seed 2)"
    assert name.lines == ("resnet34", "frozen · seed 2")
