"""Rights and secrets before anything runs: who may write and read what, and settings that cannot work or would show too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.kafka.acl import bindings
from pipeline.settings.model import Settings, SettingsError, load_settings
from topics.access import ROLES, role
from topics.catalogue import CATALOGUE

PASSWORD = "a-secret-that-nobody-may-see"


def test_every_topic_has_a_role_that_writes_it_and_one_that_reads_it() -> None:
    readers = {spec.name for one in ROLES if one.name != "auditor" for spec in one.reads}
    writers = {spec.name for one in ROLES for spec in one.writes}
    assert writers == {spec.name for spec in CATALOGUE}
    assert readers >= {spec.name for spec in CATALOGUE}


def test_only_the_control_plane_may_write_standings() -> None:
    for topic in ("physician-standing", "institution-standing", "notices", "case-state"):
        assert [one.name for one in ROLES if topic in {spec.name for spec in one.writes}] == ["control"]


def test_a_shadow_gate_needs_rights_on_its_own_outputs_only() -> None:
    rights = bindings(role("worker"), "User:shadow", Settings(output_prefix="shadow-", group_id="shadow"))
    written = {right.name for right in rights if right.operation.name == "WRITE" and right.restype.name == "TOPIC"}
    assert written == {"shadow-claim-verdicts", "shadow-claim-cases", "shadow-claims-dead-letter"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"security_protocol": "SASL_SSL"}, "SCREENING_SASL_USERNAME"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "gate"}, "SCREENING_SASL_PASSWORD_FILE"),
        ({"security_protocol": "SSL", "ssl_cert_file": __file__}, "_KEY_FILE"),
        ({"ssl_ca_file": __file__}, "set SSL or SASL_SSL"),
        ({"http_token_file": "/does/not/exist"}, "No such file"),
        ({"security_protocol": "TLS"}, "SCREENING_SECURITY_PROTOCOL"),
    ],
)
def test_settings_that_cannot_work_are_told_before_anything_starts(settings: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_settings(**settings)


def test_a_misspelt_setting_is_told_and_a_stranger_to_the_product_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCREENING_GATE_SERVICE_HOST", "10.0.0.7")
    load_settings()
    monkeypatch.setenv("SCREENING_STALENES_POLICY", "review")
    with pytest.raises(SettingsError, match="did you mean SCREENING_STALENESS_POLICY"):
        load_settings()


def test_a_secret_is_never_part_of_what_settings_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCREENING_SASL_PASSWORD", PASSWORD)
    monkeypatch.setenv("SCREENING_HTTP_TOKEN", PASSWORD)
    settings = load_settings(security_protocol="SASL_PLAINTEXT", sasl_username="gate")
    assert settings.librdkafka()["sasl.password"] == PASSWORD
    assert PASSWORD not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(SettingsError) as refused:
        load_settings(security_protocol="SASL_PLAINTEXT", ssl_cert_file=__file__)
    assert PASSWORD not in str(refused.value)


def test_a_secret_is_read_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc\n", "utf-8")
    assert load_settings(http_token_file=file).secret("http_token") == "abc"


def test_pages_that_other_machines_can_reach_must_be_guarded() -> None:
    with pytest.raises(SettingsError, match="SCREENING_HTTP_TOKEN_FILE"):
        load_settings(metrics_host="0.0.0.0").pages()
    assert load_settings(metrics_host="127.0.0.1").pages()["token"] is None
    assert load_settings(metrics_host="0.0.0.0", http_open=True).pages()["token"] is None
    assert load_settings(metrics_host="0.0.0.0", http_token="t").pages()["token"] == "t"
