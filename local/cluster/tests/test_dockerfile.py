"""The content hash covers all that a Dockerfile reads, or the Dockerfile is refused."""

import pytest

from localcluster.images.catalog import NAMES, dockerfile, recipe
from localcluster.images.dockerfile import DockerfileError, read_inputs

DOCKERFILE = """\
# FROM a comment
FROM debian:trixie-slim AS base
RUN true \\
    # COPY in a comment
    && true
COPY requirements/operator.txt \\
    requirements/portal.txt /tmp/
FROM base AS build
COPY --chown=1000:1000 operator/code /opt/
FROM debian:bullseye-slim
COPY --from=build /opt /opt
"""


def test_bases_leave_out_the_files_own_stages() -> None:
    assert read_inputs(DOCKERFILE).bases == ("debian:trixie-slim", "debian:bullseye-slim")


def test_an_empty_root_is_no_base() -> None:
    assert read_inputs("FROM debian:trixie-slim AS root\nFROM scratch\nCOPY --from=root / /\n").bases == (
        "debian:trixie-slim",
    )


def test_sources_leave_out_what_comes_from_other_stages() -> None:
    expected = ("requirements/operator.txt", "requirements/portal.txt", "operator/code")
    assert read_inputs(DOCKERFILE).sources == expected


@pytest.mark.parametrize(
    "line",
    [
        "ADD a /b",
        'COPY ["a", "b"]',
        "COPY $a /b",
        "RUN --mount=type=bind,source=a,target=/b true",
        "run --mount=type=cache x",
    ],
)
def test_a_form_that_is_not_covered_is_refused(line: str) -> None:
    with pytest.raises(DockerfileError, match=r"Write|covered"):
        read_inputs(f"FROM debian:trixie-slim\n{line}\n")


def test_an_argument_chooses_the_base() -> None:
    text = "ARG DEBIAN=trixie\nARG KIND=slim\nFROM debian:${DEBIAN}-$KIND AS base\nARG DEBIAN=other\nFROM base\n"
    assert read_inputs(text).bases == ("debian:trixie-slim",)
    assert read_inputs(text, {"DEBIAN": "sid", "OTHER": "1"}).bases == ("debian:sid-slim",)


@pytest.mark.parametrize(
    "text", ["FROM debian:${DEBIAN}-slim\n", "FROM debian:trixie-slim\nARG A=sid\nFROM debian:$A\n"]
)
def test_a_base_without_a_known_name_is_refused(text: str) -> None:
    with pytest.raises(DockerfileError, match="Give a default by ARG before the first FROM: FROM debian"):
        read_inputs(text)


@pytest.mark.parametrize("name", NAMES)
def test_every_image_has_a_dockerfile_that_can_be_read(name: str) -> None:
    built = recipe(name)
    inputs = read_inputs(built.dockerfile.read_text(), built.arguments)
    assert set(inputs.bases) <= {"debian:trixie-slim", "debian:bullseye-slim", "debian:sid-slim"}


@pytest.mark.parametrize("name", NAMES)
def test_every_image_runs_as_an_ordinary_user(name: str) -> None:
    assert "\nUSER 1000:1000\n" in dockerfile(name).read_text()
