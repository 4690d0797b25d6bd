import IMCore
import NIOCore

/// The services that the server itself puts below each hosted domain, and what they were made with.
struct ArrangedService {
    let service: any DomainService
    /// What it was made with and cannot change: another one takes its place when this differs.
    let signature: String
}

extension C2SServer {
    /// Other settings of services are in force.
    ///
    /// - Parameter relay: owner of the sockets of the bytestreams proxy; nil while that is off.
    public func arrange(_ config: ServicesConfig, relay: NIOLoopBound<BytestreamRelay>?) {
        services = config
        bytestreams = relay
        arrangeServices()
        for service in rooms { service.limitsChanged() }
    }

    /// Takes in files and gives them out; nil ends that.
    ///
    /// - Parameter base: what stands before the paths of a domain's addresses, such as `https://example.com:5443`.
    public func serveFiles(_ files: FileService?, base: @escaping (_ domain: String) -> String) {
        self.files = files
        fileBase = base
        arrangeServices()
    }

    /// Makes the services be those that settings and domains ask for; those that go on are not touched.
    func arrangeServices() {
        var wanted: [String: (signature: String, make: () -> any DomainService)] = [:]
        for domain in router.domainNames {
            for (name, signature, make) in services(of: domain) { wanted[name + "." + domain] = (signature, make) }
        }
        for (domain, arranged) in arrangedServices where wanted[domain]?.signature != arranged.signature {
            arrangedServices[domain] = nil
            if let rooms = arranged.service as? RoomsService {
                rooms.shutDown()
                self.rooms.removeAll { $0 === rooms }
            }
            router.remove(arranged.service)
        }
        for (domain, wanted) in wanted where arrangedServices[domain] == nil {
            let service = wanted.make()
            guard router.add(service) else {
                logger.warning("the domain of a service is taken", metadata: ["domain": "\(domain)"])
                continue
            }
            arrangedServices[domain] = ArrangedService(service: service, signature: wanted.signature)
            if let room = service as? RoomsService { rooms.append(room) }
        }
    }

    /// Label in front of the domain, what cannot change, and how it is made.
    private func services(of domain: String) -> [(String, String, () -> any DomainService)] {
        var result: [(String, String, () -> any DomainService)] = []
        if !config.switchedOff.contains("pubsub") {
            let name = PubSubService.subdomain
            result.append((name, name, { PubSubService(domain: name + "." + domain, server: self) }))
        }
        if services.search.access != .off {
            result.append(
                ("search", "search", { SearchService(domain: "search." + domain, host: domain, server: self) }))
        }
        if services.broadcast.access != .off {
            result.append(
                ("multicast", "multicast", { MulticastService(domain: "multicast." + domain, server: self) }))
        }
        if services.rooms.isEnabled {
            let name = services.rooms.subdomain
            result.append((name, "rooms", { RoomsService(domain: name + "." + domain, server: self) }))
        }
        if let files {
            let base = fileBase(domain)
            let signature = "upload \(base) \(files.limits.largest) \(ObjectIdentifier(files))"
            result.append(
                (
                    "upload", signature,
                    {
                        UploadService(
                            domain: "upload." + domain, host: domain, base: base, files: files, router: self.router)
                    }
                ))
        }
        if let relay = bytestreams {
            let config = services.bytestreams
            result.append(
                (
                    "proxy", "proxy \(config.host):\(config.port)",
                    {
                        Proxy65Service(
                            domain: "proxy." + domain, host: domain, config: config, relay: relay, router: self.router,
                            loop: self.loop)
                    }
                ))
        }
        return result
    }
}
