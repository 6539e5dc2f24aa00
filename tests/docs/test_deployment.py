"""The deployment files, as far as they can be proved without a container engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from compose_spec import PyCompose
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.cli.main import _ELSEWHERE, _NEEDS
from pipeline.cli.options import METRICS_SUFFIX
from pipeline.devtools.kafka_jars import KAFKA_VERSION
from pipeline.settings.model import Settings
from tests.docs.test_alerts import promtool
from tests.support.installed import install, run
from tests.support.missing import program

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
OURS = {
    name: service for name, service in COMPOSE["services"].items() if service["image"].startswith("claims-screening")
}


def test_the_compose_file_obeys_the_compose_specification() -> None:
    names = PyCompose.from_json(json.dumps(COMPOSE)).service_names()
    processes = {
        "worker-1",
        "worker-2",
        "control-1",
        "control-2",
        "intake-1",
        "intake-2",
        "precheck-1",
        "precheck-2",
        "archive",
        "reconcile",
        "desk",
        "audit",
    }
    assert processes | {"kafka", "topics", "node-exporter", "prometheus", "grafana"} <= set(names)


def test_a_slip_in_the_compose_file_would_be_found() -> None:
    with pytest.raises(ValueError, match="imagee"):
        PyCompose.from_json('{"services": {"a": {"imagee": "x"}}}')


def test_the_dockerfile_has_nothing_that_a_linter_objects_to() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_without_privileges_and_says_how_it_is() -> None:
    lines = (DOCKER / "Dockerfile").read_text("utf-8").splitlines()
    assert any(line.startswith("USER ") and line.split()[1] not in ("root", "0") for line in lines)
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    bases = [line.split() for line in lines if line.startswith("FROM ")]
    stages = {"scratch", *(words[3] for words in bases)}
    assert all("@" in base or ":" in base for _, base, *_ in bases if base not in stages), "base images are pinned"


def pins(path: Path) -> set[str]:
    return {
        line.split(" ;")[0].rstrip(" \\")
        for line in path.read_text("utf-8").splitlines()
        if "==" in line and line[0] != " "
    }


def test_the_image_has_the_versions_that_were_tested_and_nothing_else() -> None:
    tested, shipped = pins(ROOT / "requirements.lock"), pins(DOCKER / "requirements.lock")
    assert shipped <= tested
    assert not {pin.split("==")[0] for pin in shipped} & {
        "pytest",
        "mypy",
        "ruff",
        "hypothesis",
        "mkdocs",
        "setuptools",
    }


def test_the_image_has_every_package_that_the_product_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    assert wanted <= {pin.split("==")[0] for pin in pins(DOCKER / "requirements.lock")}, "run `make lock`"


def test_a_command_that_the_smaller_image_cannot_run_is_known_to_say_so() -> None:
    graph = grimp.build_graph("rules", "topics", "pipeline", include_external_packages=True)
    graph.remove_import(
        importer="pipeline.inputs.files", imported="deltalake"
    )  # asked for when a table is read, not before
    graph.remove_import(importer="pipeline.cli.audit", imported="pipeline.reconcile.proof")  # which asks by itself
    asked = {
        command: {one for one in ("altair", "deltalake", "vl_convert") if graph.find_shortest_chain(module, one)}
        for command, (module, _) in _ELSEWHERE.items()
    }
    needs = {command: found for command, found in asked.items() if found}
    assert needs.keys() == _NEEDS.keys()
    assert all(found <= set(_NEEDS[command]) for command, found in needs.items())


def test_compose_the_tests_and_the_documents_mean_one_version_of_kafka() -> None:
    assert COMPOSE["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    for page in (ROOT / "ARCHITECTURE.md", DOCKER / "OPERATIONS.md", DOCKER / "README.md", ROOT / "README.md"):
        named = set(re.findall(r"Kafka (\d+\.\d+\.\d+)", page.read_text("utf-8")))
        assert named <= {KAFKA_VERSION}, page.name
    declared = (ROOT / "pipeline" / "devtools" / "pom.xml").read_text("utf-8")
    assert f"<kafka.version>{KAFKA_VERSION}</kafka.version>" in declared


def test_every_image_is_pinned_to_a_version() -> None:
    for name, service in COMPOSE["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert tag not in ("", "latest"), f"{name} runs whatever is newest"


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_variable_that_compose_sets_is_a_setting(name: str) -> None:
    variables = OURS[name].get("environment", {})
    values = {key.removeprefix("SCREENING_").lower(): value for key, value in variables.items()}
    assert all(key.startswith("SCREENING_") for key in variables)
    assert values.keys() <= Settings.model_fields.keys()
    Settings(**values)


def test_every_folder_that_compose_mounts_exists() -> None:
    for name, service in COMPOSE["services"].items():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).is_dir(), f"{name} mounts {source}"
            else:
                assert source in COMPOSE["volumes"]


def test_prometheus_accepts_its_configuration_and_scrapes_every_process() -> None:
    done = promtool("check", "config", str(DOCKER / "prometheus" / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    targets = {target for job in jobs for config in job["static_configs"] for target in config["targets"]}
    assert targets == {"node-exporter:9100"} | {
        f"{name}:9464"
        for name in OURS
        if name.startswith(("worker-", "control-", "intake-", "precheck-", "archive", "reconcile", "desk"))
    }


def test_what_the_audit_leaves_in_its_file_is_what_prometheus_is_given() -> None:
    audit, exporter = COMPOSE["services"]["audit"], COMPOSE["services"]["node-exporter"]
    file = Path(audit["command"][audit["command"].index("--metrics-file") + 1])
    (volume,), (shown,) = audit["volumes"], exporter["volumes"]
    assert volume == f"{shown.split(':')[0]}:{file.parent}"
    assert f"--collector.textfile.directory={shown.split(':')[1]}" in exporter["command"]
    assert file.suffix == METRICS_SUFFIX
    tool = program("prometheus-node-exporter", "prometheus-node-exporter", "node_exporter")
    known = subprocess.run([tool, "--help"], capture_output=True, text=True, check=False)
    options = {option.split("=")[0] for option in exporter["command"]}
    assert all(option in known.stdout + known.stderr for option in options)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script of a product that was installed from a wheel."""
    return install(tmp_path_factory.mktemp("image"))


@pytest.mark.parametrize("name", sorted(name for name, service in OURS.items() if "entrypoint" not in service))
def test_every_command_that_an_image_runs_exists_in_an_installed_product(installed: Path, name: str) -> None:
    command = OURS[name]["command"]
    done = run(installed, *command, *(["--help"] if command != ["--help"] else []))
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout


def test_the_installed_product_has_its_law_and_all_its_files_with_it(installed: Path) -> None:
    done = run(installed, "packs", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert "qiannan-2022" in done.stdout
    origin = run(installed.parent / "python", "-c", "import rules, pipeline, topics; print(rules.__file__)")
    assert str(installed.parent.parent) in origin.stdout, "the wheel's own files, not the checkout's"
    package = Path(origin.stdout.strip()).parents[1]
    for folder in ("rules", "topics", "pipeline"):
        source = {
            path.relative_to(ROOT)
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and path.suffix not in {".pyc", ".md"}
        }
        assert not [path for path in source if not (package / path).exists()]


def test_the_demo_traffic_is_made_of_commands_that_work(installed: Path, tmp_path: Path) -> None:
    (script,) = COMPOSE["services"]["demo-traffic"]["command"]
    for line in script.replace("while ", "").replace("; do sleep 10; done", "").split("&&"):
        words = line.split()
        assert words[0] == "screening"
        if words[1] == "sample":
            done = run(installed, *words[1:3], str(tmp_path / "sample.ndjson"), "--count", "50")
            assert done.returncode == 0, done.stderr
        else:
            assert run(installed, *words[1:3], "--help").returncode == 0


@pytest.mark.long
def test_an_installed_wheel_runs_the_demo_outside_a_checkout(installed: Path) -> None:
    done = run(installed, "demo", "--claims", "500", "--json", within=180)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"]
    assert told["conservation"]["records_in"] == 500
