"""What the numbers mean: in the contract, the hosts and the package, and never as code."""

from __future__ import annotations

from dataclasses import replace

from fpgac.core.about import About, Column
from fpgac.design.contract import Contract, contract
from fpgac.design.hosts import host_files
from fpgac.testing import HOSTILE_TEXT, code_of

from .cores import handmade_core
from .test_package import package

QUANTITY = {"name": "momentum", "symbol": "p", "unit": "GeV", "edges": [1.0], "formula": "y[:, 0]"}


def agreed(about: About | None) -> Contract:
    core = replace(handmade_core(), about=about)
    return contract(core, name="jet_tagger", compute_units=1)


def about(*names: str, accuracy: str = "chip: accuracy 95 %") -> About:
    return About(
        data="jets",
        task="regression",
        features=tuple(Column(name, -1.5, 2.25) for name in names),
        results=(Column("log2_pt", -2.0, 3.0),),
        quantity=QUANTITY,
        accuracy=(accuracy,),
    )


def test_the_contract_s_file_tells_it_and_its_identity_does_not_depend_on_it() -> None:
    told, plain = agreed(about("eta", "phi")), agreed(None)
    assert Contract.from_json(told.to_json()) == told
    assert told.identity == plain.identity
    assert Contract.from_json(plain.to_json()).about is None


def test_hosts_name_features_outputs_and_accuracy() -> None:
    files = host_files(agreed(about("eta", "phi")), ["pynq", "xrt"])
    for path in ("hosts/pynq/jet_tagger_host.py", "hosts/xrt/contract.hpp"):
        text = files[path].content.decode()
        assert "The numbers of a sample, in order: eta, phi." in text
        assert "log2_pt." in text
        assert "chip: accuracy 95 %" in text


def test_units_stand_with_the_names() -> None:
    plain = about()
    told = replace(plain, features=(Column("pt", 3.0, 200.0, "GeV"), Column("n|m", 0.0, 9.0, "#|")))
    made = replace(package(), contract=agreed(told))
    readme = made.files()["README.md"].content.decode()
    assert "| 0 | pt [GeV] | 3 to 200 |" in readme
    assert "| 1 | n&#124;m [#&#124;] | 0 to 9 |" in readme
    files = host_files(agreed(told), ["pynq", "xrt"])
    for path in ("hosts/pynq/jet_tagger_host.py", "hosts/xrt/contract.hpp"):
        assert "in order: pt [GeV], n|m [#|]." in files[path].content.decode()
    assert b'"unit": "GeV"' in made.contract.to_json()
    assert Contract.from_json(made.contract.to_json()).about == told


def test_a_readme_has_them_as_tables_with_their_ranges() -> None:
    made = replace(package(), contract=agreed(about("eta", "a|b")))
    readme = made.files()["README.md"].content.decode()
    assert "| 0 | eta | -1.5 to 2.25 |" in readme
    assert "| 1 | a&#124;b | -1.5 to 2.25 |" in readme
    assert "momentum in GeV, of outputs `y` of shape (n, 1): `y[:, 0]`" in readme


def test_many_features_are_told_in_short() -> None:
    names = [f"pixel_{place}" for place in range(64)]
    made = replace(package(), contract=agreed(about(*names)))
    readme = made.files()["README.md"].content.decode()
    assert "| 47 | pixel_47 |" in readme
    assert "pixel_48" not in readme
    assert "The other 16 are in `contract.json`" in readme
    host = host_files(made.contract, ["pynq"])["hosts/pynq/jet_tagger_host.py"].content.decode()
    assert "pixel_47, and 16 more." in " ".join(host.split())


def test_names_from_data_never_become_code() -> None:
    tame = agreed(about("canary"))
    hostile = agreed(about(HOSTILE_TEXT, accuracy=HOSTILE_TEXT))
    hosts = [host_files(each, ["pynq", "opencl", "xrt"]) for each in (tame, hostile)]
    packages = [replace(package(), contract=each).files() for each in (tame, hostile)]
    for before, after in (hosts, packages):
        assert list(before) == list(after)
        for path, file in before.items():
            if path.endswith((".py", ".hpp", ".cpp")):
                assert code_of(path, file) == code_of(path, after[path])
