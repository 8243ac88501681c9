"""What compose.yaml and the Cloud Run manifests name exists: commands, settings, files, secrets."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from tests.portal import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
CLOUD_RUN = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "deploy" / "cloud-run").glob("*.yaml")}
SETTINGS = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "tundra_site" / "environment.py").read_text()))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COPIED = re.findall(r"^COPY (?!--)(\S+) ", DOCKERFILE, re.MULTILINE)
OURS = ("migrate", "web", "workers")


def containers(node: Any) -> Iterator[dict[str, Any]]:
    """Every container of a Cloud Run manifest."""
    if isinstance(node, dict):
        yield from node.get("containers", [])
        for value in node.values():
            yield from containers(value)


CONTAINERS = {name: next(containers(manifest)) for name, manifest in CLOUD_RUN.items()}


def test_the_manifests_are_those_of_the_documentation() -> None:
    assert set(CLOUD_RUN) == {"service", "workers", "migrate"}
    assert {name: manifest["kind"] for name, manifest in CLOUD_RUN.items()} == {
        "service": "Service",
        "workers": "WorkerPool",
        "migrate": "Job",
    }
    operations = (ROOT / "docs" / "operations.md").read_text()
    assert [name for name in CLOUD_RUN if f"deploy/cloud-run/{name}.yaml" not in operations] == []


@pytest.mark.parametrize("service", OURS)
def test_every_variable_of_compose_is_a_setting(service: str) -> None:
    names = {name.removesuffix("_FILE") for name in COMPOSE["services"][service]["environment"]}
    assert names - SETTINGS == set()


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_variable_on_cloud_run_is_a_setting(name: str) -> None:
    assert {variable["name"] for variable in CONTAINERS[name]["env"]} - SETTINGS == set()


def test_no_secret_is_written_into_a_manifest() -> None:
    secret = {"SECRET_KEY", "DATABASE_URL", "METRICS_TOKEN"}
    for container in CONTAINERS.values():
        given = {variable["name"]: variable for variable in container["env"]}
        assert all("secretKeyRef" in given[name]["valueFrom"] for name in secret & given.keys())
    for service in OURS:
        assert not secret & COMPOSE["services"][service]["environment"].keys()


@pytest.mark.parametrize(
    "command",
    [
        *(["python", "manage.py", *COMPOSE["services"][name]["command"]] for name in ("migrate", "workers")),
        COMPOSE["services"]["web"]["entrypoint"],
        *(container["command"] for container in CONTAINERS.values()),
    ],
    ids=" ".join,
)
def test_every_command_is_in_the_image(command: list[str]) -> None:
    program, *arguments = command
    if program == "python":
        assert arguments[0] in COPIED
        assert arguments[1] in get_commands()
    else:
        assert (Path(sys.executable).parent / program).exists()
        assert arguments[1].split("/")[0] in COPIED
        assert (ROOT / arguments[1]).is_file()


def test_the_image_gets_what_its_build_needs_and_every_package_of_ours() -> None:
    assert [path for path in COPIED if not (ROOT / path).exists()] == []
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(COPIED) == let_through
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= set(COPIED)


def test_compose_mounts_the_secrets_that_the_script_makes(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    assert {f"secrets/{path.name}" for path in made.iterdir()} == {
        secret["file"] for secret in COMPOSE["secrets"].values()
    }
    for service in COMPOSE["services"].values():
        read = {value for name, value in service.get("environment", {}).items() if name.endswith("_FILE")}
        assert read == {f"/run/secrets/{name}" for name in service.get("secrets", [])}
    assert made.stat().st_mode & 0o077 == 0
    assert len((made / "secret_key").read_text()) == 64
    assert (made / "postgres_password").read_text() in (made / "database_url").read_text()


def test_secrets_that_exist_are_kept(tmp_path: Path) -> None:
    before = {path.name: path.read_text() for path in make_secrets(tmp_path).iterdir()}
    assert {path.name: path.read_text() for path in make_secrets(tmp_path).iterdir()} == before


def test_every_service_of_compose_says_whether_it_is_healthy() -> None:
    assert "HEALTHCHECK" in DOCKERFILE, "web's"
    checks = {name: service.get("healthcheck") for name, service in COMPOSE["services"].items()}
    assert checks["migrate"] == checks["workers"] == {"disable": True}
    assert checks["postgres"]["test"][1] == "pg_isready"
    assert checks["redis"]["test"][1:] == ["redis-cli", "ping"]


def test_cloud_run_has_the_originals_sizing() -> None:
    template = CLOUD_RUN["service"]["spec"]["template"]
    assert template["metadata"]["annotations"]["autoscaling.knative.dev/maxScale"] == "10"
    assert (template["spec"]["containerConcurrency"], template["spec"]["timeoutSeconds"]) == (5, 600)
    for name in ("service", "workers"):
        assert CONTAINERS[name]["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}


def make_secrets(home: Path) -> Path:
    """Run ``deploy/make-secrets`` for a project directory of a test's own."""
    script = home / "deploy" / "make-secrets"
    script.parent.mkdir(exist_ok=True)
    script.write_bytes((ROOT / "deploy" / "make-secrets").read_bytes())
    subprocess.run(["bash", str(script)], check=True)
    return home / "secrets"
