import AdminServer
import IMCore
import SIPServer
import SIPWire

/// Figures of the SIP face, read on its loop.
struct SIPReading: Sendable {
    var counters: SIPCounters
    var registrations: Int
    var registeredUsers: Int
    var subscriptions: Int
    var outboundSubscriptions: Int
    var publications: Int
    /// Calls of users that pass through.
    var calls: Int
    var transactions: Int
    /// Name, and 1 for up, 0 for down; trunks that nobody has asked are left out.
    var trunks: [(name: String, isUp: Bool)]

    /// MESSAGE requests that came in.
    var messages: Int { counters.requestsIn[6] }
    /// Messages of SIP of any kind, in and out.
    var total: Int {
        counters.datagramsIn + counters.datagramsOut + counters.streamMessagesIn + counters.streamMessagesOut
    }

    var metrics: [AdminMetric] {
        func gauge(_ name: String, _ help: String, _ value: Int) -> AdminMetric {
            AdminMetric("roost_sip_" + name, .gauge, help, [.init(Double(value))])
        }
        func counter(_ name: String, _ help: String, _ value: Int) -> AdminMetric {
            AdminMetric("roost_sip_" + name, .counter, help, [.init(Double(value))])
        }
        var requests: [AdminMetric.Sample] = []
        let methods = SIPMethod.all.map { "\($0)" } + ["other"]
        for (direction, counts) in [("in", counters.requestsIn), ("out", counters.requestsOut)] {
            for (method, count) in zip(methods, counts) {
                requests.append(.init(Double(count), ["direction": direction, "method": method]))
            }
        }
        return [
            gauge("registrations", "Contacts that SIP clients have registered.", registrations),
            gauge("registered_users", "Users with at least one of them.", registeredUsers),
            AdminMetric(
                "roost_sip_subscriptions", .gauge, "Subscriptions of SIP watchers, and those of the server.",
                [
                    .init(Double(subscriptions), ["direction": "in"]),
                    .init(Double(outboundSubscriptions), ["direction": "out"]),
                ]),
            gauge("publications", "What SIP clients and telephones have published of users in memory.", publications),
            gauge("calls", "Calls of users that pass through.", calls),
            AdminMetric(
                "roost_sip_messages", .counter, "SIP messages, requests and responses.",
                [
                    .init(Double(counters.datagramsIn), ["direction": "in", "over": "udp"]),
                    .init(Double(counters.datagramsOut), ["direction": "out", "over": "udp"]),
                    .init(Double(counters.streamMessagesIn), ["direction": "in", "over": "tcp"]),
                    .init(Double(counters.streamMessagesOut), ["direction": "out", "over": "tcp"]),
                ]),
            AdminMetric("roost_sip_requests", .counter, "SIP requests by method.", requests),
            AdminMetric(
                "roost_sip_answers", .counter, "Final answers to requests, by class.",
                counters.answers.enumerated().map { .init(Double($1), ["class": "\($0 + 2)xx"]) }),
            gauge("connections", "SIP connections over TCP and TLS.", counters.connections),
            gauge("transactions", "SIP transactions under way.", transactions),
            counter("malformed", "SIP messages that could not be read.", counters.malformed),
            counter("retransmissions", "Requests of ours that were sent again.", counters.retransmissions),
            counter("repeated_requests", "Requests that came again.", counters.repeatedRequests),
            counter("timeouts", "Requests of ours that nobody answered.", counters.timeouts),
            counter("challenges", "Requests that were asked for a password.", counters.challenges),
            counter("failed_logins", "Requests with a wrong password.", counters.failedLogins),
            counter("scanner_drops", "Requests of scanners that got no answer.", counters.scannerDrops),
            AdminMetric(
                "roost_sip_trunk_up", .gauge, "Whether a trunk answers.",
                trunks.map { .init($0.isUp ? 1 : 0, ["trunk": $0.name]) }),
        ]
    }

    /// Under the names that administrators know from other products: group, counter, value.
    var aliases: [(String, String, Int)] {
        [
            ("Cisco SIP Proxy", "SIPInviteRequestIn", counters.requestsIn[1]),
            ("Cisco SIP Proxy", "SIPMessageRequestIn", counters.requestsIn[6]),
            ("Cisco XCP SIP S2S", "SIPS2SSubscriptionsIn", subscriptions),
            ("Cisco XCP SIP S2S", "SIPS2SSubscriptionsOut", outboundSubscriptions),
        ]
    }
}

extension SIPReading {
    /// On the loop of the face.
    init(_ server: SIPServer) {
        counters = server.counters
        registrations = server.location.count
        registeredUsers = server.location.userCount
        subscriptions = server.subscriptionCount
        outboundSubscriptions = server.gatewayWatchCount + server.foreignWatchCount
        publications = server.publicationCount
        calls = server.callCount
        transactions = server.transactions.count
        trunks = server.trunks.trunks.compactMap { trunk in
            trunk.destinations.contains { $0.isUp != nil } ? (trunk.name, trunk.isUp) : nil
        }
    }
}
