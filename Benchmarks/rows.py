"""The rows of the comparison: what is run, what is read from the report, and what was promised.

The budgets are ratios to the better peer of the same run, from the performance rules of the project.
"""

from dataclasses import dataclass, field

PEERS = ("ejabberd", "prosody")
SIP_PEERS = ("kamailio",)


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

    @property
    def is_sip(self):
        return self.scenario.startswith("sip-")

    @property
    def peers(self):
        return SIP_PEERS if self.is_sip else PEERS


CHAT = "--n 400 --warmup 2"
THROUGHPUT = [("msg_per_s", "messages/s"), ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]
ACKS = [("ack_p50_ms", "ack p50 ms"), ("ack_p95_ms", "ack p95 ms"), ("ack_p99_ms", "ack p99 ms")]
LOGINS = [("logins_per_s", "logins/s"), ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]


def message(title, budget):
    return [Figure(title, "srv_cpu_us_per_message", "µs", budget)]


def sip_rows():
    """At most Kamailio's time over UDP, half of it over TCP; Kamailio has everything in memory in every row."""
    both = SIP_PEERS + ("roost",)
    loads = [
        ("register", "--n 2000 --conc 50", "SIP registration refreshed", "register"),
        ("message", "--n 400", "SIP message between registered users", "message"),
        ("publish-w1", "--n 50 --watchers 1", "SIP publication, 1 watcher", "publish"),
        ("publish-w10", "--n 50 --watchers 10", "SIP publication, 10 watchers", "publish"),
        ("publish-w50", "--n 50 --watchers 50", "SIP publication, 50 watchers", "publish"),
        ("subscribe", "--n 400 --conc 50", "SIP SUBSCRIBE with its notification", "subscribe"),
    ]
    kept = {"memory": "", "power": "; Roost survives loss of power"}
    made = []
    for durability, transport in (("memory", "udp"), ("memory", "tcp"), ("power", "udp")):
        for name, options, title, unit in loads:
            if (transport == "tcp" or durability == "power") and name in ("publish-w1", "publish-w50"):
                continue
            budget = None if durability == "power" else 1 if transport == "udp" else 1 / 2
            made.append(Row(
                f"sip-{name}-{transport}" + ("-power" if durability == "power" else ""), f"sip-{unit}",
                f"{options} --transport {transport} --warmup 1",
                [Figure(f"{title}, {transport.upper()}{kept[durability]}", f"srv_cpu_us_per_{unit}", "µs", budget)],
                durability=durability, fresh=True, servers=both, accounts=2600,
                extra=[(f"{unit}_per_s", "a second"), ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]))
    for rate, name, options, title, unit in (
            (1000, "message", "--n 400", "1,000 SIP messages/s", "message"),
            (100, "publish-w10", "--n 50 --watchers 10", "100 SIP publications/s, 10 watchers", "publish")):
        made.append(Row(
            f"sip-{name}-udp-{rate}", f"sip-{unit}", f"{options} --rate {rate} --warmup 1",
            [Figure(f"{title}, UDP", f"srv_cpu_us_per_{unit}", "µs", None), Figure("their p99", "p99_ms", "ms", None)],
            fresh=True, servers=both, accounts=2600, extra=[("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]))
    made.append(Row(
        "sip-registered-25000", "sip-register", "--n 25000 --conc 20 --rate 7 --warmup 6 --keep",
        [Figure("SIP registration of 25,000, PSS", "pss_bytes_per_registration", "KB", 2 / 3, 1 / 1000),
         Figure("25,000 registrations refreshed each hour, cores", "srv_cores", "cores", None)],
        fresh=True, servers=both, accounts=25000, extra=[("first_per_s", "a second")]))
    made.append(Row(
        "sip-idle-20000", "sip-idle", "--n 20000 --users 2000 --rate 800 --keep",
        [Figure("SIP subscription of 20,000, PSS", "pss_bytes_per_subscription", "KB", 2 / 3, 1 / 1000)],
        fresh=True, servers=both, accounts=2600, extra=[("subscribe_per_s", "a second")]))
    made.append(Row(
        "sip-idle-100000", "sip-idle", "--n 100000 --users 2000 --conc 50 --keep",
        [Figure("SIP subscription of 100,000, PSS", "pss_bytes_per_subscription", "KB", None, 1 / 1000)],
        fresh=True, servers=("roost",), accounts=2600, runs=1, extra=[("subscribe_per_s", "a second")]))
    return made


ROWS = [
    Row("chat-plain", "chat", CHAT, message("1:1 message, plain", 1 / 8), extra=THROUGHPUT),
    Row("chat-tls", "chat", CHAT, message("1:1 message, TLS", 1 / 6), tls=True, extra=THROUGHPUT),
    Row("chat-1000-plain", "chat", CHAT + " --rate 1000", message("1,000 messages/s, plain", 1 / 3), extra=THROUGHPUT),
    Row("chat-1000-tls", "chat", CHAT + " --rate 1000", message("1,000 messages/s, TLS", 1 / 3), tls=True,
        extra=THROUGHPUT),
    Row("presence-200x50", "presence", "--base 30000 --n 200 --contacts 50 --warmup 2",
        [Figure("presence, 200 users with 50 contacts, per delivery", "srv_cpu_us_per_delivery", "µs", 1 / 5)],
        accounts=0, extra=[("deliveries_per_s", "deliveries/s"), ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms")]),
    Row("eventing-200x50", "presence", "--base 30000 --n 200 --contacts 50 --warmup 2 --eventing",
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
] + sip_rows()
