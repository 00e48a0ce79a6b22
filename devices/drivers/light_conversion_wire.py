"""What goes over the wire to a Light Conversion laser: requests of its REST interface, and what the replies mean."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devices.errors import CommunicationError, RefusedError

if TYPE_CHECKING:
    import httpx

__all__ = ["BasicState", "Rest", "parse_basic", "parse_flag", "parse_number"]

MOST_BYTES = 65536
"""Longest reply that is read; the longest that the laser sends is some 2 kB."""


@dataclass(frozen=True)
class BasicState:
    """The part of `GET /Basic` that the driver needs.

    Attributes:
        state_name: such as "Operational"; the spelling "StateOperational" is taken for the same.
        is_output_open: whether light may leave the laser.
        output_power_W: mean power that the laser states at its output.
        output_frequency_kHz: pulses leaving the laser, after the pulse picker.
        pulse_duration_fs: of the laser.
        pp_divider: of the pulse picker.
        attenuator_percent: where the attenuator is.
        errors: what the laser complains of.
    """

    state_name: str
    is_output_open: bool
    output_power_W: float
    output_frequency_kHz: float
    pulse_duration_fs: float
    pp_divider: int
    attenuator_percent: float
    errors: tuple[str, ...]


def _json(content: bytes, what: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CommunicationError(f"{what}: the reply {content[:60]!r} is no JSON") from error


def _number(value: Any, what: str) -> float:
    # A number of 400 digits is JSON, but no float.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15 and math.isfinite(value):
        return float(value)
    raise CommunicationError(f"{what}: the reply {str(value)[:60]!r} is no finite number")


def _flag(value: Any, what: str) -> bool:
    if isinstance(value, bool):
        return value
    raise CommunicationError(f"{what}: the reply {str(value)[:60]!r} is neither true nor false")


def parse_number(content: bytes, what: str) -> float:
    """A reply that is one number.

    Raises:
        CommunicationError: it is none, or not finite.
    """
    value = _json(content, what)
    return _number(value, what)


def parse_flag(content: bytes, what: str) -> bool:
    """A reply that is `true` or `false`.

    Raises:
        CommunicationError: it is neither.
    """
    return _flag(_json(content, what), what)


def parse_basic(content: bytes) -> BasicState:
    """The reply to `GET /Basic`; keys that are not needed may be there or not.

    Raises:
        CommunicationError: a needed key is missing, or its value is of another type.
    """
    values = _json(content, "Basic")
    if not isinstance(values, dict):
        raise CommunicationError(f"Basic: the reply {content[:60]!r} is no JSON object")

    def get(key: str) -> Any:
        if key not in values:
            raise CommunicationError(f"Basic: the reply has no {key}; is it the port of the laser's REST interface?")
        return values[key]

    name = get("ActualStateName")
    if not isinstance(name, str):
        raise CommunicationError(f"Basic/ActualStateName: the reply {str(name)[:60]!r} is no text")
    divider = _number(get("ActualPpDivider"), "Basic/ActualPpDivider")
    if divider < 1 or divider != round(divider):
        raise CommunicationError(f"Basic/ActualPpDivider: the reply {divider:g} is no whole number from 1 on")
    errors = values.get("Errors") or []
    return BasicState(
        state_name=name.removeprefix("State"),
        is_output_open=_flag(get("IsOutputEnabled"), "Basic/IsOutputEnabled"),
        output_power_W=_number(get("ActualOutputPower"), "Basic/ActualOutputPower"),
        output_frequency_kHz=_number(get("ActualOutputFrequency"), "Basic/ActualOutputFrequency"),
        pulse_duration_fs=_number(get("ActualPulseDuration"), "Basic/ActualPulseDuration"),
        pp_divider=round(divider),
        attenuator_percent=_number(get("ActualAttenuatorPercentage"), "Basic/ActualAttenuatorPercentage"),
        errors=tuple(str(error) for error in errors) if isinstance(errors, list) else (str(errors),),
    )


class Rest:
    """Requests over one connection, each within a time and answered by at most `MOST_BYTES`; nothing is repeated.

    Args:
        url: up to and with `/v1`.
        timeout_s: for a whole reply, s.
        transport: instead of a network, in tests.
    """

    def __init__(self, url: str, timeout_s: float, transport: httpx.BaseTransport | None = None) -> None:
        import httpx  # noqa: PLC0415  # only for those who have such a laser

        self._timeout_s = timeout_s
        # trust_env: a proxy of the environment has no business between us and a laser.
        self._client = httpx.Client(base_url=url, timeout=timeout_s, transport=transport, trust_env=False)

    def get(self, path: str) -> bytes:
        """Content of a reply to GET. Raises what `request` does."""
        return self.request("GET", path)

    def put(self, path: str, value: float) -> None:
        """Write a number. Raises what `request` does."""
        self.request("PUT", path, json.dumps(value))

    def post(self, path: str) -> None:
        """Give a command. Raises what `request` does."""
        self.request("POST", path)

    def request(self, method: str, path: str, body: str | None = None) -> bytes:
        """One request and its reply.

        Raises:
            RefusedError: status 403, the laser does not do this in its present state.
            CommunicationError: no reply in time, the connection is lost, or another status.
        """
        import httpx  # noqa: PLC0415  # as above

        what = f"{method} {path}" + (f" {body}" if body is not None else "")
        headers = {"Content-Type": "application/json"} if body is not None else {}
        deadline_s = time.monotonic() + self._timeout_s
        content = b""
        try:
            with self._client.stream(method, path, content=body, headers=headers) as reply:
                for piece in reply.iter_bytes():
                    content += piece
                    if len(content) > MOST_BYTES or time.monotonic() > deadline_s:
                        raise CommunicationError(f"{what}: the reply is too long, or dribbles; is it the laser?")
                status = reply.status_code
        except httpx.TimeoutException as error:
            raise CommunicationError(
                f"{what}: no answer within {self._timeout_s:g} s; check power and cable; whether it was carried out is "
                "not known"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CommunicationError(
                f"{what}: {str(error) or type(error).__name__}; check power, cable and port; whether it was carried out is "
                "not known"
            ) from error
        if status == 403:
            raise RefusedError(
                f"{what}: the laser refuses in its present state: {content[:200].decode(errors='replace')}"
            )
        if not 200 <= status < 300:
            raise CommunicationError(f"{what}: status {status}: {content[:200].decode(errors='replace')!r}")
        return content

    def close(self) -> None:
        """End the connection."""
        self._client.close()
