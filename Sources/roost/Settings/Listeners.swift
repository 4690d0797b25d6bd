import Logging
import NIOCore
import NIOPosix
import Settings
import Transport

/// The sockets that take connections, by name; they move while the server runs, and connections stay. One that dies by itself
/// is bound again.
actor Listeners {
    /// A listener as it has to be.
    struct Plan: Sendable {
        enum Kind: Sendable { case connections, datagrams }

        var name: String
        var kind = Kind.connections
        /// Nil for off.
        var at: ServerConfig.Listener?
        var group: any EventLoopGroup
        /// Called with each connection, or once with the socket that datagrams come in by.
        var accept: @Sendable (any Channel) throws -> Void

        fileprivate func bind(_ at: ServerConfig.Listener) async throws -> any Channel {
            switch kind {
            case .connections:
                try await Listener.bind(address: at.address, port: at.port, group: group, accept: accept)
            case .datagrams:
                try await DatagramListener.bind(address: at.address, port: at.port, group: group, accept: accept)
            }
        }

        /// `[::]:5222`
        fileprivate var place: String {
            at.map { at in "\(at.address.contains(":") ? "[\(at.address)]" : at.address):\(at.port)" } ?? ""
        }
    }

    /// What a move has opened and not closed yet; to be kept or undone.
    struct Move: Sendable {
        fileprivate var opened: [String: Open] = [:]
        /// What goes when the move is kept.
        fileprivate var leaving: [Open] = []
        /// What was closed already, because the new one needed its port.
        fileprivate var closed: [Plan] = []
        fileprivate var names: Set<String> = []
    }

    fileprivate struct Open: Sendable {
        var plan: Plan
        var channel: any Channel
    }

    private var open: [String: Open] = [:]
    /// Closed by us, until that is done.
    private var ending: Set<ObjectIdentifier> = []
    /// Dead, and being bound again.
    private var dead: [String: Plan] = [:]
    private var isClosed = false
    private let logger: Logger
    private let order = [
        "c2s", "c2s-tls", "https", "http", "component", "proxy65", "sip-udp", "sip-tcp", "sip-tls", "msrp", "admin",
    ]

    init(logger: Logger) { self.logger = logger }

    /// `c2s [::]:5222`
    var descriptions: [String] {
        order.compactMap { open[$0] }.compactMap { open in
            open.plan.at.map { _ in "\(open.plan.name) \(open.plan.place)" }
        }
    }

    /// Opens what is not open yet; what is to go stays until the move is kept.
    ///
    /// - Throws: `ListenFailure`; everything is as before then.
    func move(to plans: [Plan]) async throws -> Move {
        var move = Move()
        do {
            for plan in plans where (open[plan.name]?.plan.at ?? dead[plan.name]?.at) != plan.at {
                move.names.insert(plan.name)
                let old = open[plan.name]
                guard let at = plan.at else {
                    if let old { move.leaving.append(old) }
                    continue
                }
                // The port of one that moves or goes is free once it is closed.
                for blocker in open.values
                where blocker.plan.at?.port == at.port && blocker.plan.kind == plan.kind {
                    guard !move.closed.contains(where: { $0.name == blocker.plan.name }),
                        plans.contains(where: { $0.name == blocker.plan.name && $0.at != blocker.plan.at })
                    else { continue }
                    await release(blocker)
                    move.closed.append(blocker.plan)
                }
                let channel = try await plan.bind(at)
                move.opened[plan.name] = Open(plan: plan, channel: channel)
                if let old, !move.closed.contains(where: { $0.name == plan.name }) { move.leaving.append(old) }
            }
        } catch {
            await undo(move)
            throw error
        }
        return move
    }

    func keep(_ move: Move) async {
        for old in move.leaving { await release(old) }
        for name in move.names {
            dead[name] = nil
            open[name] = move.opened[name]
            if let new = open[name] { watch(new) }
        }
    }

    func undo(_ move: Move) async {
        for new in move.opened.values { await release(new, isWatched: false) }
        for plan in move.closed {
            guard let at = plan.at else { continue }
            let channel = try? await plan.bind(at)
            open[plan.name] = channel.map { Open(plan: plan, channel: $0) }
            if let back = open[plan.name] { watch(back) }
        }
    }

    /// Takes nothing new any more; sockets of datagrams stay for answers until they are closed too.
    func close() async {
        isClosed = true
        for open in open.values where open.plan.kind == .connections { await release(open) }
    }

    func closeDatagrams() async {
        for open in open.values where open.plan.kind == .datagrams { await release(open) }
    }

    // MARK: Sockets that die

    /// - Parameter isWatched: its end is told to `ended`.
    private func release(_ open: Open, isWatched: Bool = true) async {
        if isWatched { ending.insert(ObjectIdentifier(open.channel)) }
        try? await open.channel.close().get()
    }

    private func watch(_ one: Open) {
        one.channel.closeFuture.whenComplete { _ in Task { await self.ended(one) } }
    }

    /// Unless it was closed by us, the network or the system has taken it: its interface is gone, its memory, its rights.
    private func ended(_ one: Open) async {
        let plan = one.plan
        guard ending.remove(ObjectIdentifier(one.channel)) == nil, !isClosed, open[plan.name]?.channel === one.channel
        else { return }
        open[plan.name] = nil
        dead[plan.name] = plan
        logger.error(
            "a listener has died; it is bound again until that succeeds",
            metadata: ["listener": "\(plan.name)", "address": "\(plan.place)"])
        await revive(plan)
    }

    /// Other settings for the listener, and the end of the server, end the attempts.
    private func revive(_ plan: Plan) async {
        guard let at = plan.at else { return }
        let channel = await Rebinding.attempt {
            isDead(plan)
        } pause: {
            try? await Task.sleep(for: .seconds($0))
        } bind: {
            try await plan.bind(at)
        }
        guard let channel else { return }
        let one = Open(plan: plan, channel: channel)
        // Somebody may have decided otherwise meanwhile.
        guard isDead(plan), open[plan.name] == nil else { return await release(one, isWatched: false) }
        dead[plan.name] = nil
        open[plan.name] = one
        watch(one)
        logger.notice("a listener is bound again", metadata: ["listener": "\(plan.name)"])
    }

    private func isDead(_ plan: Plan) -> Bool { !isClosed && dead[plan.name]?.at == plan.at }
}
