import IMCore
import NIOCore
import Storage
import XMLWire
import XMPPWire

/// Finds people of the server (XEP-0055), as `search.` of a hosted domain.
///
/// Who may search sees the accounts of the host, or of every hosted domain, by what their vCards and the administrator
/// say. Values match anywhere and without regard to case; every field that is filled in has to.
final class SearchService: DomainService {
    static let namespace = "jabber:iq:search"
    /// Searches under way at a time; they read the store beside everything else.
    static let concurrency = 4

    let domain: String
    let title = "People search"
    private let host: String
    private unowned let server: C2SServer
    private var config: SearchConfig { server.services.search }
    private var router: Router { server.router }
    private let loop: NIOIsolatedEventLoop
    private var running = 0
    private let answers = ServiceAnswers(
        identity: .init(category: "directory", type: "user", name: "People search"),
        features: [SearchService.namespace, DataForm.namespace, ResultSet.namespace])

    init(domain: String, host: String, server: C2SServer) {
        self.domain = domain
        self.host = host
        self.server = server
        loop = server.loop
    }

    func receive(_ stanza: RoutedStanza) {
        guard let (payload, isSet) = answers.request(in: stanza) else { return }
        guard payload.name == "query", payload.namespace == Self.namespace else {
            return refuse(stanza, .serviceUnavailable)
        }
        guard config.access.allows(router.homes.loaded(stanza.from)), covers(stanza.from.domain) else {
            return refuse(stanza, StanzaError(.auth, .forbidden, "searching is not allowed to this account"))
        }
        guard isSet else {
            stanza.reply([SearchQuery.form])
            return stanza.settle()
        }
        do throws(StanzaError) {
            find(try SearchQuery(payload), stanza)
        } catch {
            refuse(stanza, error)
        }
    }

    /// Those who can be found may search.
    private func covers(_ domain: String) -> Bool { config.coversAllDomains || domain == host }

    private func find(_ query: SearchQuery, _ stanza: RoutedStanza) {
        guard running < Self.concurrency else {
            return refuse(stanza, StanzaError(.wait, .resourceConstraint, "too many searches at once"))
        }
        running += 1
        let domains = config.coversAllDomains ? router.domainNames : [host]
        let (terms, limit) = (query.terms, config.results)
        let outcome = Outcome<[SearchStore.Hit]>()
        let finish = NIOLoopBound(
            { [self] (error: (any Error)?) in
                running -= 1
                guard let hits = outcome.value, error == nil else {
                    return refuse(stanza, StanzaError(.wait, .internalServerError))
                }
                do throws(StanzaError) {
                    stanza.reply([try query.answer(hits, limit: limit)])
                    stanza.settle()
                } catch {
                    refuse(stanza, error)
                }
            } as ((any Error)?) -> Void, eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        router.database.read(
            { outcome.value = try SearchStore.find(terms, domains: domains, limit: limit, in: $0) },
            completion: { error in eventLoop.execute { finish.value(error) } })
    }
}

extension XMPPFeature {
    /// Runs on its own domain; what is declared here is for docs/PROTOCOLS.md.
    static var search: XMPPFeature {
        XMPPFeature(
            "search",
            [Standard("XEP-0055", "Jabber Search", "1.3"), Standard("XEP-0059", "Result Set Management", "1.1")])
    }
}
