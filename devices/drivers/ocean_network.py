"""Ocean spectrometers with an Ethernet port, through seabreeze's own Python: a connection that ends when it should.

`seabreeze` 2.11 reads a socket that the other end has closed for ever, and adds the integration time to its time-out at
every spectrum; both are set right here, in the socket that it is given.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from devices.errors import CommunicationError, RefusedError

__all__ = ["MODELS", "open_on_network", "reopen", "switch_obp_lamp"]

MODELS = ("HDX", "FX")
"""That seabreeze knows to have Ethernet."""
SET_LAMP_ENABLE = 0x00110410
"""Of the Ocean Binary Protocol: the output for a lamp; confirm on the instrument that the lamp is wired to it."""


class _Socket(socket.socket):
    """A socket that says so when the other end hung up, and whose own time-out stays as it was."""

    patience_s = 2.0

    def gettimeout(self) -> float | None:
        return self.patience_s

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        n_bytes = super().recv_into(*args, **kwargs)
        if n_bytes == 0:
            raise ConnectionResetError("the spectrometer hung up")
        return n_bytes


def open_on_network(host: str, port: int, model: str, timeout_s: float = 2.0) -> Any:
    """A `seabreeze.spectrometers.Spectrometer` at an address.

    Args:
        host: its IPv4 address.
        port: its port, 57357 as delivered.
        model: one of `MODELS`.
        timeout_s: for a reply, beyond the integration time.

    Raises:
        CommunicationError: nothing there answers like a spectrometer.
        ValueError: no such model.
    """
    from seabreeze import pyseabreeze  # noqa: PLC0415  # an extra, and slow
    from seabreeze.pyseabreeze.transport import IPv4Transport, IPv4TransportHandle  # noqa: PLC0415  # as above
    from seabreeze.spectrometers import Spectrometer  # noqa: PLC0415  # as above

    if model not in MODELS:
        raise ValueError(f"model={model!r}: seabreeze knows Ethernet of {', '.join(MODELS)}")

    class Handle(IPv4TransportHandle):  # type: ignore[misc]  # seabreeze is not always there
        """As seabreeze's, with sockets of our own, and a close that closes the present one."""

        socket: Any

        def open(self) -> None:
            self.socket.close()
            self.socket = _Socket(socket.AF_INET, socket.SOCK_STREAM)
            self.socket.patience_s = timeout_s
            self.socket.settimeout(timeout_s)
            self.socket.connect(self.get_address())

        def close(self) -> None:
            self.socket.close()

    class NetworkSpectrometer(Spectrometer):  # type: ignore[misc]  # as above
        """seabreeze's, whichever of its backends is in use elsewhere."""

        _backend = pyseabreeze

    handle = Handle(host, port)
    # Its registry of addresses is a class attribute; an address that was used before may have got another model.
    IPv4Transport.devices_ip_port[(host, port)] = model
    try:
        return NetworkSpectrometer(pyseabreeze.SeaBreezeDevice(handle))
    except Exception as error:  # seabreeze raises its own, the socket's, and assertions
        handle.close()
        raise CommunicationError(
            f"spectrometer {model} at {host}:{port}: connect: {error!r}; check power, cable, address, and whether another "
            "program has it"
        ) from error


def reopen(instrument: Any) -> None:
    """End the connection and make a new one: what still came on the old one belonged to a request that failed."""
    instrument.close()
    instrument.open()


def switch_obp_lamp(instrument: Any, *, on: bool) -> None:
    """Switch the output for a lamp of a spectrometer that speaks the Ocean Binary Protocol.

    Raises:
        RefusedError: it does not take the command.
    """
    protocol = instrument.f.spectrometer.protocol
    protocol.msgs.setdefault(SET_LAMP_ENABLE, struct.Struct("<B").pack)  # seabreeze: "add more here"
    if not protocol.send(SET_LAMP_ENABLE, int(on)):
        raise RefusedError("the spectrometer does not take the command for its lamp; is there one at its output?")
