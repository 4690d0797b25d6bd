import Ground
import Storage
import XMLWire
import XMPPWire

/// Stored messages as a client asks for them (XEP-0013): listed, read and removed one by one, instead of all at once.
///
/// What some client has in flight is not among them: that client has it, or it comes back to the store.
extension Router {
    /// What a list tells of a stored message.
    public struct StoredHeader: Sendable {
        public var id: MessageID
        /// `from` of the stanza.
        public var sender: String
    }

    /// Headers of one list; who has more sees the rest after removing some.
    public static let storedHeaders = 10_000

    /// From now until this session ends, no client of the user is sent what is stored (XEP-0013 §2.2).
    public func retrievesStored(_ endpoint: any Endpoint, _ home: UserHome) {
        home.retrievers.insert(endpoint.resource)
    }

    /// Ids of everything that is stored, oldest first.
    public func listStored(
        _ home: UserHome, _ completion: @escaping (Result<[MessageID], StanzaError>) -> Void
    ) {
        let userID = home.id
        readStored(home, { try JournalStore.ids(userID, in: $0) }) { [self] result in
            let taken = inHand(home)
            completion(result.map { $0.filter { !taken.contains($0.value) } })
        }
    }

    /// Who sent what is stored, oldest first, at most `storedHeaders`.
    public func listStoredHeaders(
        _ home: UserHome, _ completion: @escaping (Result<[StoredHeader], StanzaError>) -> Void
    ) {
        addHeaders([], after: MessageID(0), home, completion)
    }

    private func addHeaders(
        _ found: [StoredHeader], after: MessageID, _ home: UserHome,
        _ completion: @escaping (Result<[StoredHeader], StanzaError>) -> Void
    ) {
        let userID = home.id
        readStored(
            home,
            { transaction -> (headers: [StoredHeader], isLast: Bool) in
                let page = try JournalStore.page(
                    userID, after: after, limit: Self.pageSize, bytes: Self.pageBytes, in: transaction)
                let headers = page.messages.map { message in
                    let stanza = message.stanza.withUnsafeBytes {
                        try? XMLElement(
                            parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
                    }
                    return StoredHeader(id: message.id, sender: stanza?["from"] ?? "")
                }
                return (headers, page.isLast)
            }
        ) { [self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let page):
                let taken = inHand(home)
                let all = found + page.headers.filter { !taken.contains($0.id.value) }
                guard !page.isLast, all.count < Self.storedHeaders, let last = page.headers.last else {
                    return completion(.success(Array(all.prefix(Self.storedHeaders))))
                }
                addHeaders(all, after: last.id, home, completion)
            }
        }
    }

    /// Sends stored messages to a client, oldest first, with a delay stamp and what `mark` adds. They stay stored.
    ///
    /// - Parameter ids: nil for all of them. When one is not stored nothing is sent, and the error is `item-not-found`.
    public func sendStored(
        _ ids: [MessageID]?, to endpoint: any Endpoint, _ home: UserHome, mark: @escaping (MessageID) -> [UInt8],
        _ completion: @escaping (StanzaError?) -> Void
    ) {
        chooseStored(ids, home) { [self] result in
            switch result {
            case .failure(let error): completion(error)
            case .success(let chosen): sendNext(chosen[...], to: endpoint, home, mark, completion)
            }
        }
    }

    private func sendNext(
        _ ids: ArraySlice<MessageID>, to endpoint: any Endpoint, _ home: UserHome,
        _ mark: @escaping (MessageID) -> [UInt8], _ completion: @escaping (StanzaError?) -> Void
    ) {
        guard !ids.isEmpty else { return completion(nil) }
        guard !endpoint.isHibernating, home.endpoints.contains(where: { $0 === endpoint }) else {
            // Whoever resumes the session asks again; meanwhile nothing piles up.
            return completion(StanzaError(.wait, .recipientUnavailable, "the connection was lost"))
        }
        let (userID, next) = (home.id, Array(ids.prefix(Self.pageSize)))
        readStored(home, { try JournalStore.messages(userID, next, bytes: Self.pageBytes, in: $0) }) { [self] result in
            switch result {
            case .failure(let error): completion(error)
            case .success(let page):
                for message in page.messages {
                    let stamped = StanzaStamp.delayed(
                        message.stanza, from: home.jid.domain, stamp: Timestamp.format(message.id.acceptedAt))
                    endpoint.deliver(StanzaStamp.appending(mark(message.id), to: stamped))
                }
                let rest = ids.dropFirst(page.taken)
                guard !rest.isEmpty else { return completion(nil) }
                endpoint.whenDrained { [self] in sendNext(rest, to: endpoint, home, mark, completion) }
            }
        }
    }

    /// Removes stored messages for good; what archives have of them stays.
    ///
    /// - Parameter ids: nil for all of them. When one is not stored nothing is removed, and the error is `item-not-found`.
    public func removeStored(
        _ ids: [MessageID]?, _ home: UserHome, _ completion: @escaping (StanzaError?) -> Void
    ) {
        chooseStored(ids, home) { [self] result in
            switch result {
            case .failure(let error): completion(error)
            case .success(let chosen):
                let userID = home.id
                persist(home) {
                    try JournalStore.remove(chosen, of: userID, in: $0)
                } then: { error in
                    guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
                    home.storedMessages = max(0, home.storedMessages - chosen.count)
                    completion(nil)
                }
            }
        }
    }

    private func chooseStored(
        _ ids: [MessageID]?, _ home: UserHome, _ completion: @escaping (Result<[MessageID], StanzaError>) -> Void
    ) {
        listStored(home) { result in
            guard let ids, case .success(let stored) = result else { return completion(result) }
            let wanted = Set(ids)
            let chosen = stored.filter { wanted.contains($0) }
            completion(chosen.count == wanted.count ? .success(chosen) : .failure(.itemNotFound))
        }
    }

    /// Reads through the journal, so that everything accepted before is there to be read.
    private func readStored<Value: Sendable>(
        _ home: UserHome, _ body: @escaping @Sendable (any Transaction) throws -> Value,
        _ completion: @escaping (Result<Value, StanzaError>) -> Void
    ) {
        home.pendingWrites += 1
        journal.perform(body) { [logger] (result: Result<Value, any Error>) in
            home.pendingWrites -= 1
            completion(
                result.mapError {
                    logger.error("cannot read stored messages", metadata: ["error": "\($0)"])
                    return StanzaError(.wait, .internalServerError)
                })
        }
        journal.flush()
    }
}
