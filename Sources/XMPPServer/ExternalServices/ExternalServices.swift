import Ground
import IMCore
import XMLWire
import XMPPWire

/// External service discovery (XEP-0215): STUN and TURN servers for calls.
extension XMPPFeature {
    private static let external = "urn:xmpp:extdisco:2"

    static var externalServices: XMPPFeature {
        XMPPFeature(
            "external-services",
            [Standard("XEP-0215", "External Service Discovery", "1.0.1", .partial("no pushes when the list changes"))],
            requests: [
                Request(name: "services", namespace: external, scopes: [.server], handle: list),
                Request(name: "credentials", namespace: external, scopes: [.server], handle: credentials),
            ],
            serverFeatures: [external])
    }

    private static func list(_ request: IQRequest) {
        guard !request.isSet else { return request.refuse(.badRequest("services are asked with get")) }
        let type = request.payload["type"]
        let chosen = request.server.config.externalServices.filter { type == nil || $0.type == type }
        let attribute = type.map { " type='\(XMLText.escape($0))'" } ?? ""
        let services = chosen.map { serialised($0, request) }.joined()
        request.reply("<services xmlns='\(external)'\(attribute)>\(services)</services>")
    }

    /// §3.3: host and type name the service, the port only where there are several.
    private static func credentials(_ request: IQRequest) {
        guard !request.isSet else { return request.refuse(.badRequest("credentials are asked with get")) }
        guard let wanted = request.payload.child("service", namespace: external), let host = wanted["host"],
            let type = wanted["type"]
        else { return request.refuse(.badRequest("a service with host and type is needed")) }
        let config = request.server.config
        let chosen = config.externalServices.filter {
            $0.host == host && $0.type == type && (wanted["port"] == nil || wanted["port"] == String($0.port))
        }
        guard !chosen.isEmpty, !config.relaySecret.isEmpty, chosen[0].needsCredentials else {
            return request.refuse(.itemNotFound)
        }
        let services = chosen.map { serialised($0, request) }.joined()
        request.reply("<credentials xmlns='\(external)'>\(services)</credentials>")
    }

    private static func serialised(_ service: ExternalService, _ request: IQRequest) -> String {
        let config = request.server.config
        var xml = "<service host='\(XMLText.escape(service.host))' port='\(service.port)'"
        xml += " transport='\(service.transport)' type='\(service.type)'"
        // Strangers learn where the relay is, not how to use it.
        if service.needsCredentials, !config.relaySecret.isEmpty, request.session != nil {
            let made = RelayCredentials(
                secret: config.relaySecret, name: request.asker.bare.description, seconds: config.relaySeconds,
                now: request.server.time.now)
            xml += " restricted='true' username='\(XMLText.escape(made.username))'"
            xml += " password='\(made.password)' expires='\(Timestamp.format(made.expiresAt))'"
        }
        return xml + "/>"
    }
}
