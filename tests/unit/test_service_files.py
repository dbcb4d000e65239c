"""The units, the sample of the settings and the installer, as far as they can be checked without a host."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from ingestkit_pdfd.load_settings import load_settings
from ingestkit_pdfd.settings import DaemonSettings

ROOT = Path(__file__).parents[2]
UNITS = ("ingestkit-pdfd.service", "ingestkit-pdfd@.service")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
needs_systemctl = pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl here")


def directives(unit: str) -> list[str]:
    """The lines of a unit that are no comments."""
    lines = (ROOT / "systemd" / unit).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_template_differs_from_the_unit_in_names_only() -> None:
    """Otherwise a limit or a protection would be changed in one of them and forgotten in the other."""
    plain = directives(UNITS[0])
    made = [
        line.replace(", %i", "").replace("@%i", "").replace("%i.toml", "config.toml").replace("%i.", "")
        for line in directives(UNITS[1])
    ]
    assert made == plain


@pytest.mark.parametrize("unit", UNITS)
def test_a_document_that_takes_the_daemon_down_is_parked_before_the_unit_gives_up(unit: str) -> None:
    """Otherwise one document would stop the service, and go on doing so after every start by hand."""
    (burst,) = (line for line in directives(unit) if line.startswith("StartLimitBurst="))
    assert int(burst.removeprefix("StartLimitBurst=")) >= 3 * DaemonSettings().max_deliveries


@pytest.mark.parametrize("unit", UNITS)
def test_a_folder_that_not_every_debian_has_may_be_missing(unit: str) -> None:
    """Otherwise the unit would not start on arm64, where there is no /lib64."""
    lists = [line for line in directives(unit) if re.match(r"\w+Paths=", line)]
    named = {path for line in lists for path in line.partition("=")[2].split()}
    assert {path for path in named if not path.startswith("-")} == {"/", "/usr", "/opt/ingestkit-pdf"}


@pytest.mark.parametrize("unit", UNITS)
def test_a_bit_that_is_locked_is_also_set(unit: str) -> None:
    """Otherwise root within the unit would keep its powers for ever, instead of never having them."""
    (bits,) = (line.partition("=")[2].split() for line in directives(unit) if line.startswith("SecureBits="))
    assert {bit.removesuffix("-locked") for bit in bits if bit.endswith("-locked")} <= set(bits)


def test_instances_share_one_limit_of_memory() -> None:
    """Otherwise each could take most of the host, and the kernel would choose among all that runs there."""
    (line,) = (line for line in directives(UNITS[1]) if line.startswith("Slice="))
    slice_unit = line.removeprefix("Slice=")
    assert "MemoryMax=80%" in directives(slice_unit)
    installer = (ROOT / "deploy/install.sh").read_text()
    assert {*UNITS, slice_unit} == set(re.findall(r'^units="(.*)"$', installer, re.MULTILINE)[0].split())


@needs_systemd
@pytest.mark.parametrize("unit", [*UNITS, "system-ingestkit.slice"])
def test_systemd_has_nothing_to_say_about_a_unit(unit: str, tmp_path: Path) -> None:
    """Otherwise a misspelt directive would have no effect, and nobody would know."""
    text = (ROOT / "systemd" / unit).read_text()
    name = unit.replace("@.", "@lane.")
    # What it starts is installed only later; everything else is as it is.
    (tmp_path / name).write_text(re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", text, flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_the_exposure_of_a_unit_is_at_most_one(unit: str) -> None:
    """Otherwise a protection that was there would have been lost."""
    command = [
        "systemd-analyze",
        "security",
        "--offline=true",
        "--threshold=10",
        str(ROOT / "systemd" / unit),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]


def test_the_sample_settings_show_what_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Otherwise the file that every installation begins with would be refused, or tell other defaults."""
    text = (ROOT / "deploy/config.toml").read_text()
    assert tomllib.loads(text) == {}
    shown = tmp_path / "config.toml"
    shown.write_text(re.sub(r"^#(\w+ = )", r"\1", text, flags=re.MULTILINE))
    values = tomllib.loads(shown.read_text())
    assert len(values) >= 8
    load_settings(shown)
    defaults = DaemonSettings().model_dump(mode="json")
    exemplary = {"workers", "http_port"}  # the first depends on the host, the second is off
    assert {name: value for name, value in values.items() if defaults[name] != value}.keys() <= exemplary


@needs_systemctl
def test_a_dry_run_of_the_installer_says_what_it_would_do() -> None:
    """Otherwise an operator could not look before it changes a host."""
    command = ["sh", str(ROOT / "deploy/install.sh"), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "would run: /usr/bin/python3 -m venv /opt/ingestkit-pdf/releases/" in done.stdout
    assert "Nothing was changed" in done.stdout


@needs_systemctl
def test_a_folder_of_wheels_may_have_a_space_in_its_name(tmp_path: Path) -> None:
    """Otherwise pip would look in another folder, or take a word of it for a package."""
    (wheels := tmp_path / "my wheels").mkdir()
    command = ["bash", "-x", str(ROOT / "deploy/install.sh"), "--dry-run", "--wheels", str(wheels)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"install --no-index --find-links '{wheels}' ") >= 3


@needs_systemctl
def test_the_installer_takes_extras_with_their_pins() -> None:
    """Otherwise traces and tokenizers could not be had on a host that was installed with it."""
    command = ["sh", str(ROOT / "deploy/install.sh"), "--dry-run", "--extras"]
    said = {}
    for extras in ("none", "tokenizer,otel", "otel,tokenizer"):
        done = subprocess.run([*command, extras], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said[extras] = done.stdout
    pins = "-r requirements/build.txt -r requirements/runtime.txt"
    assert f"{pins} -r requirements/otel.txt -r requirements/tokenizer.txt\n" in said["tokenizer,otel"]
    assert said["tokenizer,otel"] == said["otel,tokenizer"]
    assert f"{pins}\n" in said["none"]
    releases = {re.findall(r"releases/\S+", text)[0] for text in said.values()}
    assert len(releases) == 2


@pytest.mark.parametrize("extra", ["otel", "tokenizer"])
def test_the_pins_of_an_extra_fit_those_of_the_daemon(extra: str) -> None:
    """Otherwise installing it would be refused, or change what the daemon was tested with."""

    def pins(name: str) -> dict[str, str]:
        lines = (ROOT / f"requirements/{name}.txt").read_text().splitlines()
        return dict(line.split()[0].split("==") for line in lines if line and not line.startswith("#"))

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"][extra]
    names = {re.split(r"[<>=]", line)[0] for line in wanted if not line.startswith("ingestkit-pdf")}
    assert names <= pins(extra).keys()
    for other in ("runtime", "dev", "otel", "tokenizer"):
        assert {name for name, pin in pins(extra).items() if pins(other).get(name, pin) != pin} == set()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--frobnicate"], "unknown argument '--frobnicate'"),
        (["--wheels"], "--wheels needs a value"),
        (["--purge"], "--purge goes with uninstall"),
        (["uninstall", "--start"], "go with install"),
        (["--extras", "otel,tokeniser"], "there is no extra 'tokeniser'"),
    ],
)
def test_the_installer_refuses_what_it_does_not_know(arguments: list[str], complaint: str) -> None:
    """Otherwise a typing mistake would install instead of telling."""
    command = ["sh", str(ROOT / "deploy/install.sh"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
