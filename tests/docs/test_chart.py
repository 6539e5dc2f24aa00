"""The Helm chart, rendered by Helm itself for a trial and for production: what a cluster would be given."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.settings.model import Settings
from tests.docs.test_alerts import RULE_FILES, groups
from tests.docs.test_deployment import COMPOSE
from tests.support.missing import program, stand_aside
from topics.access import ROLES
from topics.catalogue import CATALOGUE

CHART = Path(__file__).parents[2] / "docker" / "helm" / "claims-screening"
KUBERNETES = ("1.29", "1.34")
"""The oldest and the newest version for which the objects are checked."""
FOR = ("trial", "production")
OF_OPERATORS = ("keda.sh/v1alpha1", "monitoring.coreos.com/v1")
"""Objects that the operators of KEDA and Prometheus define; Kubernetes' own schemas do not know them."""

Object = dict[str, Any]


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    tool = program("helm", "helm by `go install helm.sh/helm/v3/cmd/helm@v3.20.2`")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, timeout=120)


def values(kind: str) -> Path:
    return CHART / f"values-{kind}.yaml"


@cache
def rendered(kind: str, *more: str) -> tuple[Object, ...]:
    done = helm("template", "fund", CHART, "--values", values(kind), "--kube-version", KUBERNETES[-1], *more)
    assert done.returncode == 0, done.stderr
    return tuple(one for one in yaml.safe_load_all(done.stdout) if one)


def of(kind: str, *names: str) -> list[Object]:
    return [one for one in rendered(kind) if one["kind"] in names]


def pods(kind: str) -> dict[str, Object]:
    """The pod of each process, of the audit and of the job that makes the topics."""
    return {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]["template"]
        for one in of(kind, "Deployment", "StatefulSet", "Job")
    }


@pytest.mark.parametrize("kind", FOR)
def test_helm_has_nothing_to_object_to(kind: str) -> None:
    done = helm("lint", "--strict", CHART, "--values", values(kind), "--kube-version", KUBERNETES[-1])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("kind", FOR)
def test_every_object_obeys_the_schema_of_kubernetes(kind: str, version: str) -> None:
    try:
        import kubernetes_validate  # noqa: PLC0415  an environment that was made before it was needed may lack it
    except ImportError:
        stand_aside("the package kubernetes-validate is not installed (make it anew: rm -r .venv)")
    for one in rendered(kind):
        if one["apiVersion"] not in OF_OPERATORS:
            kubernetes_validate.validate(one, version, strict=True)


def test_a_slip_in_an_object_would_be_found() -> None:
    try:
        import kubernetes_validate  # noqa: PLC0415  as above
    except ImportError:
        stand_aside("the package kubernetes-validate is not installed (make it anew: rm -r .venv)")
    (one, *_) = of("trial", "Deployment")
    spoiled = {**one, "spec": {**one["spec"], "replica": 1}}
    with pytest.raises(Exception, match="replica"):
        kubernetes_validate.validate(spoiled, KUBERNETES[-1], strict=True)


@pytest.mark.parametrize("kind", FOR)
def test_every_process_of_the_compose_file_is_in_the_chart_with_the_same_command(kind: str) -> None:
    ours = {name: pod["spec"]["containers"][0]["args"] for name, pod in pods(kind).items()}
    compose = {
        name.rpartition("-")[0] or name: service["command"]
        for name, service in COMPOSE["services"].items()
        if service["image"].startswith("claims-screening") and "profiles" not in service
    }
    assert ours.keys() == compose.keys()
    assert {name: words[:1] for name, words in ours.items()} == {name: words[:1] for name, words in compose.items()}


@pytest.mark.parametrize("kind", FOR)
def test_every_variable_is_a_setting_with_a_value_that_the_settings_accept(kind: str, tmp_path: Path) -> None:
    for name, pod in pods(kind).items():
        given: dict[str, Any] = {}
        for variable in pod["spec"]["containers"][0]["env"]:
            setting = variable["name"].removeprefix("SCREENING_").lower()
            assert setting in Settings.model_fields, f"{name} sets {variable['name']}"
            if setting.endswith("_file"):
                file = tmp_path / setting
                file.write_text("a secret", "ascii")
                given[setting] = str(file)
            else:
                given[setting] = variable.get("value", "a-name-of-its-own")
        Settings(**given).pages()


def test_no_secret_is_a_value_and_every_secret_file_is_mounted_read_only() -> None:
    secret = {"sasl_password", "ssl_key_password", "http_token"}
    for name, pod in pods("production").items():
        container = pod["spec"]["containers"][0]
        mounts = {one["mountPath"]: one for one in container["volumeMounts"]}
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        for variable in container["env"]:
            setting = variable["name"].removeprefix("SCREENING_").lower()
            assert setting not in secret, name
            if setting.endswith("_file"):
                mount = mounts[str(Path(variable["value"]).parent)]
                assert mount["readOnly"]
                assert volumes[mount["name"]]["secret"]["items"][0]["path"] == Path(variable["value"]).name


@pytest.mark.parametrize("kind", FOR)
def test_every_pod_is_without_privileges_and_writes_only_its_data_and_what_is_temporary(kind: str) -> None:
    for name, pod in pods(kind).items():
        assert pod["spec"]["securityContext"]["runAsNonRoot"], name
        assert pod["spec"]["automountServiceAccountToken"] is False
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            writable = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
            assert writable <= {"/var/lib/screening", "/tmp"}


def test_in_production_every_process_outlives_the_loss_of_a_node_and_the_archive_is_the_one_exception() -> None:
    alone = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]
        for one in of("production", "Deployment", "StatefulSet")
        if one["spec"].get("replicas") == 1
    }
    assert alone == {"archive", "audit"}, "one process writes the tables, and one audits"
    guarded = {one["metadata"]["name"] for one in of("production", "PodDisruptionBudget")}
    assert guarded == {f"fund-{name}" for name in ("worker", "control", "intake", "precheck")}
    for name in ("worker", "control", "intake", "precheck"):
        spread = pods("production")[name]["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}


def test_scaling_watches_a_topic_and_a_group_that_exist() -> None:
    defaults = Settings()
    topics, known = (
        {spec.name for spec in CATALOGUE},
        {getattr(defaults, role.group, None) for role in ROLES if role.group},
    )
    scaled = of("production", "ScaledObject")
    assert {one["spec"]["scaleTargetRef"]["name"] for one in scaled} == {"fund-worker", "fund-intake"}
    for one in scaled:
        (trigger,) = one["spec"]["triggers"]
        assert trigger["metadata"]["topic"] in topics
        assert trigger["metadata"]["consumerGroup"] in known


def test_the_alerts_of_a_cluster_are_those_of_the_rule_files() -> None:
    (rule,) = of("production", "PrometheusRule")
    assert rule["spec"]["groups"] == [group for path in RULE_FILES for group in groups(path)]


def test_prometheus_finds_every_process_under_the_job_that_the_alerts_name() -> None:
    jobs = {one["spec"]["endpoints"][0]["relabelings"][0]["replacement"] for one in of("production", "ServiceMonitor")}
    processes = set(pods("production")) - {"topics", "audit"}
    assert jobs == {f"screening-{name}" for name in processes} | {"screening-files"}


@pytest.mark.parametrize("kind", FOR)
def test_every_pod_may_reach_the_brokers_and_nobody_else_unless_it_is_said(kind: str) -> None:
    policies = {
        one["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: one
        for one in of(kind, "NetworkPolicy")
    }
    assert policies.keys() == pods(kind).keys()
    brokers = {int(address.rpartition(":")[2]) for address in _brokers(kind)}
    for name, policy in policies.items():
        open_to = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
        assert open_to == brokers | {53} | ({443} if (kind, name) == ("production", "archive") else set())


def _brokers(kind: str) -> list[str]:
    env = pods(kind)["worker"]["spec"]["containers"][0]["env"]
    return next(one["value"] for one in env if one["name"] == "SCREENING_BOOTSTRAP_SERVERS").split(",")
