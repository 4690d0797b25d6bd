"""The rows of the comparison: what is run, what is read from the report, and what was promised.

The budgets are ratios to the better peer of the same run, from the performance rules of the project.
"""

from dataclasses import dataclass, field

PEERS = ("ejabberd", "prosody")


@dataclass
class Figure:
    """One number of a report."""

    title: str
    member: str
    unit: str
    # Largest ratio to the better peer that meets the budget; None when nothing was promised.
    budget: float | None = None
    # Bytes to KB and the like.
    scale: float = 1.0


@dataclass
class Row:
    """One scenario with its options."""

    name: str
    scenario: str
    options: str
    figures: list
    tls: bool = False
    # What Roost promises to survive while the row runs.
    durability: str = "memory"
    # Whether the servers keep the history of their users (XEP-0313).
    archive: bool = False
    # Whether each run needs a server that has just started.
    fresh: bool = False
    # Servers that take part.
    servers: tuple = PEERS + ("roost",)
    # Accounts from 0 that the row needs.
    accounts: int = 400
    # Runs of this row when they are long; None is as many as asked for.
    runs: int | None = None
    # Whether --secs applies.
    timed: bool = True
    # Members that the second table shows.
    extra: list = field(default_factory=list)


CHAT = "--n 400 --warmup 2"
THROUGHPUT = [("msg_per_s", "messages/s"), ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]
ACKS = [("ack_p50_ms", "ack p50 ms"), ("ack_p95_ms", "ack p95 ms"), ("ack_p99_ms", "ack p99 ms")]
LOGINS = [("logins_per_s", "logins/s"), ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]


def message(title, budget):
    return [Figure(title, "srv_cpu_us_per_message", "µs", budget)]


ROWS = [
    Row("chat-plain", "chat", CHAT, message("1:1 message, plain", 1 / 8), extra=THROUGHPUT),
    Row("chat-tls", "chat", CHAT, message("1:1 message, TLS", 1 / 6), tls=True, extra=THROUGHPUT),
    Row("chat-1000-plain", "chat", CHAT + " --rate 1000", message("1,000 messages/s, plain", 1 / 3), extra=THROUGHPUT),
    Row("chat-1000-tls", "chat", CHAT + " --rate 1000", message("1,000 messages/s, TLS", 1 / 3), tls=True,
        extra=THROUGHPUT),
    Row("presence-200x50", "presence", "--base 20000 --n 200 --contacts 50 --warmup 2",
        [Figure("presence, 200 users with 50 contacts, per delivery", "srv_cpu_us_per_delivery", "µs", 1 / 5)],
        accounts=0, extra=[("deliveries_per_s", "deliveries/s"), ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]),
    Row("eventing-200x50", "presence", "--base 20000 --n 200 --contacts 50 --warmup 2 --eventing",
        [Figure("personal eventing, 200 users with 50 contacts, per delivery", "srv_cpu_us_per_delivery", "µs", 1 / 5)],
        accounts=0, extra=[("deliveries_per_s", "deliveries/s"), ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]),
    Row("chat-sm-5000", "chat", CHAT + " --rate 5000 --sm",
        message("5,000 messages/s, every one acknowledged; Roost survives loss of power", 1 / 4), durability="power",
        extra=THROUGHPUT + ACKS),
    Row("chat-archive", "chat", CHAT, message("1:1 message, kept in both users' history", 1 / 10), archive=True,
        durability="power", extra=THROUGHPUT),
    Row("chat-archive-1000", "chat", CHAT + " --rate 1000", message("1,000 messages/s with history", None), archive=True,
        durability="power", extra=THROUGHPUT),
    Row("archive-query", "archive", "--messages 20000 --senders 10 --queries 1000",
        [Figure("page of 50 messages from a history of 20,000", "srv_cpu_us_per_query", "µs", None),
         Figure("its p99", "p99_ms", "ms", None)], archive=True, durability="power", timed=False,
        extra=[("p50_ms", "p50 ms"), ("p99_ms", "p99 ms"), ("fill_msg_per_s", "filled/s")]),
    Row("archive-query-million", "archive", "--messages 1000000 --senders 20 --queries 2000",
        [Figure("p99 of a page of 50 messages from a history of 1,000,000", "p99_ms", "ms", None)], archive=True,
        durability="process", timed=False, servers=("roost",), runs=1,
        extra=[("p50_ms", "p50 ms"), ("p99_ms", "p99 ms"), ("fill_msg_per_s", "filled/s")]),
    Row("offline", "offline", "--messages 20000 --receivers 200 --senders 10",
        [Figure("offline message, stored", "srv_cpu_us_per_stored", "µs", 1 / 5),
         Figure("offline message, delivered", "srv_cpu_us_per_delivered", "µs", 1 / 5)], durability="power",
        timed=False, extra=[("store_msg_per_s", "stored/s"), ("deliver_msg_per_s", "delivered/s")]),
    Row("login-plain", "login", "--n 1000 --conc 20", [Figure("login, plain", "srv_cpu_us_per_login", "µs", 1 / 3)],
        durability="power", accounts=1000, timed=False, extra=LOGINS),
    Row("login-tls", "login", "--n 1000 --conc 20", [Figure("login, TLS", "srv_cpu_us_per_login", "µs", 1 / 3)],
        tls=True, durability="power", accounts=1000, timed=False, extra=LOGINS),
    Row("idle-10000-plain", "idle", "--n 10000 --conc 20 --settle 2",
        [Figure("idle session of 10,000, plain, PSS", "pss_bytes_per_session", "KB", 1 / 4, 1 / 1000)],
        durability="power", fresh=True, accounts=10000, extra=[("logins_per_s", "logins/s")]),
    Row("idle-10000-tls", "idle", "--n 10000 --conc 20 --settle 2",
        [Figure("idle session of 10,000, TLS, PSS", "pss_bytes_per_session", "KB", 3 / 5, 1 / 1000)],
        tls=True, durability="power", fresh=True, accounts=10000, extra=[("logins_per_s", "logins/s")]),
    Row("idle-19000-tls", "idle", "--n 19000 --conc 20 --settle 2 --sources 4",
        [Figure("19,000 TLS sessions logged in, PSS of each", "pss_bytes_per_session", "KB", None, 1 / 1000)],
        tls=True, durability="power", fresh=True, servers=("roost",), accounts=19000, runs=1,
        extra=[("online", "online"), ("logins_per_s", "logins/s")]),
]
