import IMCore

/// Everything that serves requests: one line for each part of the face.
enum SIPHandlers {
    static func install(on server: SIPServer) {
        server.credentials = IMCore.DigestCredentials(router: server.router)
        server.trunks = TrunkTable(server: server)
        server.registrar = Registrar(server: server)
        server.registry.add(server.registrar)
        server.proxy = SIPProxy(server: server, trunks: server.trunks)
        server.registry.add(MessageHandler(server: server))
        let sessions = SessionTable(server: server)
        server.sessions = sessions
        server.registry.add(sessions)
        EventEngine.install(on: server)
    }
}
