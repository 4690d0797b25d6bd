import IMCore
import XMLWire
import XMPPWire

/// Blocking command (XEP-0191).
extension XMPPFeature {
    private static let blockingNamespace = "urn:xmpp:blocking"

    static var blocking: XMPPFeature {
        XMPPFeature(
            "blocking",
            [
                Standard("XEP-0191", "Blocking Command", "1.3"),
                Standard("XEP-0377", "Blocking Command Reports", "0.4.1"),
            ],
            requests: [
                Request(name: "blocklist", namespace: blockingNamespace, scopes: [.account], handle: list),
                Request(name: "block", namespace: blockingNamespace, scopes: [.account], handle: block),
                Request(name: "unblock", namespace: blockingNamespace, scopes: [.account], handle: unblock),
            ],
            serverFeatures: [blockingNamespace, BlockingReport.namespace],
            accountFeatures: [blockingNamespace, BlockingReport.namespace])
    }

    private static func list(_ request: IQRequest) {
        guard !request.isSet else { return request.refuse(.badRequest("the block list is asked with get")) }
        request.session?.followsBlockList = true
        let items = request.home.blocked.map(\.description).sorted()
            .map { "<item jid='\(XMLText.escape($0))'/>" }.joined()
        request.reply("<blocklist xmlns='\(blockingNamespace)'>\(items)</blocklist>")
    }

    private static func block(_ request: IQRequest) {
        guard request.isSet, let jids = request.addresses(blockingNamespace) else {
            return request.refuse(.badRequest("block needs items with well-formed addresses"))
        }
        guard !jids.isEmpty else { return request.refuse(.badRequest("no item is named")) }
        let reports = BlockingReport.all(in: request.payload)
        request.server.router.block(jids, request.home) { error in
            if error == nil { note(reports, request) }
            request.finish(error)
        }
    }

    private static func note(_ reports: [BlockingReport], _ request: IQRequest) {
        let (server, owner) = (request.server, request.home.jid)
        for report in reports where server.reports.allows(owner.description, uptime: server.time.uptime) {
            server.reports.failed(owner.description, uptime: server.time.uptime)
            report.log(by: owner, server.logger)
        }
    }

    private static func unblock(_ request: IQRequest) {
        guard request.isSet, let jids = request.addresses(blockingNamespace) else {
            return request.refuse(.badRequest("unblock needs items with well-formed addresses"))
        }
        request.server.router.unblock(jids, request.home) { request.finish($0) }
    }
}
