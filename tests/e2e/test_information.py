"""Health and information, as load balancers, operators and clients ask for it."""

from __future__ import annotations

import pytest

from tests.portal import Portal


def test_the_root_says_that_the_portal_runs(portal: Portal) -> None:
    answer = portal.request("GET", "/")
    assert answer.body == {"status": "running", "service": "halatio-tundra", "version": "3.0.0"}


def test_the_root_sends_a_browser_to_the_console(portal: Portal) -> None:
    answer = portal.request("GET", "/", Accept="text/html,application/xhtml+xml")
    assert (answer.status, answer.headers["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_answers(portal: Portal, method: str) -> None:
    answer = portal.request(method, "/health")
    assert answer.status == 200
    if method == "GET":
        assert answer.body == {"status": "healthy", "service": "halatio-tundra", "version": "3.0.0"}


def test_deep_health_names_every_part(portal: Portal) -> None:
    answer = portal.request("GET", "/health/deep")
    assert answer.status == 200
    assert answer.body["status"] == "healthy"
    assert {"database", "queue", "storage_space"} <= answer.body["checks"].keys()
    assert set(answer.body["checks"].values()) == {"healthy"}


def test_info_tells_the_limits_in_force(portal: Portal) -> None:
    info = portal.request("GET", "/info").body
    assert info["capabilities"]["max_file_size_mb"] == 20
    assert info["capabilities"]["file_formats"] == ["csv", "tsv", "excel", "json", "parquet"]
    assert info["limits"]["max_processing_time_minutes"] == 10
    assert info["limits"]["max_memory_usage_gb"] == 2


def test_a_request_id_is_returned_or_made_up(portal: Portal) -> None:
    given = portal.request("GET", "/health", X_Request_ID="caller-7")
    assert given.headers["X-Request-ID"] == "caller-7"
    made_up = portal.request("GET", "/health").headers["X-Request-ID"]
    assert len(made_up) == 32
    hostile = portal.request("GET", "/health", X_Request_ID="a b{}<script>")
    assert hostile.headers["X-Request-ID"] not in ("", "a b{}<script>")


def test_the_schema_and_its_page_are_there_offline(portal: Portal) -> None:
    schema = portal.request("GET", "/schema", Accept="application/json").body
    assert {"/convert/file", "/infer/schema", "/jobs", "/jobs/{id}"} <= schema["paths"].keys()
    page = portal.request("GET", "/docs").body
    assert "swagger-ui" in page
    assert "https://" not in page, "the page must not need the internet"


def test_an_unknown_path_is_a_404_in_the_envelope(portal: Portal) -> None:
    answer = portal.request("GET", "/convert/nothing")
    assert (answer.status, answer.body["code"]) == (404, "not_found")
    assert answer.body["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("path", ["/", "/health", "/health/deep", "/info", "/metrics", "/connectors"])
def test_a_wrong_method_is_a_405_in_the_envelope(portal: Portal, path: str) -> None:
    answer = portal.request("POST", path, {})
    assert (answer.status, answer.body["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_browser_is_shown_the_json_too(portal: Portal) -> None:
    assert portal.request("GET", "/connectors", Accept="text/html,*/*;q=0").status == 200


@pytest.mark.parametrize("path", ["/jobs/{0}/output/link", "/jobs/{0}/webhooks/{0}/redeliver", "/convert/file"])
def test_every_endpoint_tells_its_options(portal: Portal, path: str) -> None:
    answer = portal.request("OPTIONS", path.format("e3e70682-c209-4cac-a29f-6fbed82c07cd"))
    assert (answer.status, answer.body["renders"]) == (200, ["application/json"])
