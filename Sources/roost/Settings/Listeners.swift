import NIOCore
import NIOPosix
import Settings
import Transport

/// The sockets that take connections, by name; they move while the server runs, and connections stay.
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
    private let order = [
        "c2s", "c2s-tls", "https", "http", "component", "proxy65", "sip-udp", "sip-tcp", "sip-tls", "msrp", "admin",
    ]

    /// `c2s [::]:5222`
    var descriptions: [String] {
        order.compactMap { open[$0] }.compactMap { open in
            open.plan.at.map { at in
                let host = at.address.contains(":") ? "[\(at.address)]" : at.address
                return "\(open.plan.name) \(host):\(at.port)"
            }
        }
    }

    /// Opens what is not open yet; what is to go stays until the move is kept.
    ///
    /// - Throws: `ListenFailure`; everything is as before then.
    func move(to plans: [Plan]) async throws -> Move {
        var move = Move()
        do {
            for plan in plans where open[plan.name]?.plan.at != plan.at {
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
                    try? await blocker.channel.close().get()
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
        for old in move.leaving { try? await old.channel.close().get() }
        for name in move.names { open[name] = move.opened[name] }
    }

    func undo(_ move: Move) async {
        for new in move.opened.values { try? await new.channel.close().get() }
        for plan in move.closed {
            guard let at = plan.at else { continue }
            let channel = try? await plan.bind(at)
            open[plan.name] = channel.map { Open(plan: plan, channel: $0) }
        }
    }

    /// Takes nothing new any more; sockets of datagrams stay for answers until they are closed too.
    func close() async {
        for open in open.values where open.plan.kind == .connections { try? await open.channel.close().get() }
    }

    func closeDatagrams() async {
        for open in open.values where open.plan.kind == .datagrams { try? await open.channel.close().get() }
    }
}
