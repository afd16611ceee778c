"""What can go wrong between a client and a Hub, as a test says it: `hub.fail("POST .*/commit", Status(500))`."""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Status:
    """The Hub answers this status and does nothing: 401, 403, 409, 429, 500, 502, 503, …"""

    status: int
    message: str = "a fault that the test asked for"
    headers: dict[str, str] = field(default_factory=dict)


def rate_limited(seconds: int) -> Status:
    """429, with the seconds after which to try again."""
    return Status(429, "Too Many Requests", {"Retry-After": str(seconds)})


@dataclass(frozen=True)
class Delay:
    """The Hub does what is asked, but `seconds` late: longer than the client's patience, that is a timeout."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """The connection breaks when the Hub has read `bytes_read` of the request's body; nothing is done."""

    bytes_read: int = 0


@dataclass(frozen=True)
class LoseReply:
    """The Hub does what is asked, and the connection breaks before the answer: the client cannot know."""


@dataclass(frozen=True)
class Corrupt:
    """The right headers and as many bytes, but all of them wrong."""


@dataclass(frozen=True)
class Truncate:
    """The right headers, but the connection breaks after `bytes_sent` of the body."""

    bytes_sent: int = 0


Kind = Status | Delay | Drop | LoseReply | Corrupt | Truncate


@dataclass
class Fault:
    """A kind of failure, which requests meet it, and how often; `hits` counts them.

    Args:
        matching: a regular expression, sought in `"METHOD /path?query"`.
        times: how many requests fail; None is all of them.
        after: how many matching requests are served first.
    """

    matching: str
    kind: Kind
    times: int | None = 1
    after: int = 0
    hits: int = 0

    def strikes(self, request: str) -> bool:
        if not re.search(self.matching, request) or self.hits == self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.hits += 1
        return True
