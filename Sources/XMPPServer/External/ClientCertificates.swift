import Foundation
import IMCore
import Transport
import XMLWire
import XMPPWire

/// Login by certificate: SASL EXTERNAL (XEP-0178), and certificates that users enrol themselves (XEP-0257).
extension XMPPFeature {
    private static let certificateNamespace = "urn:xmpp:saslcert:1"

    static var clientCertificates: XMPPFeature {
        XMPPFeature(
            "client-certificates",
            [
                Standard(
                    "XEP-0178", "Best Practices for Use of SASL EXTERNAL with Certificates", "1.2",
                    .partial("clients only; revocation lists and OCSP are not asked, no TLS renegotiation")),
                Standard("XEP-0257", "Client Certificate Management for SASL EXTERNAL", "0.3"),
            ],
            requests: [
                request("append", appendCertificate), request("items", listCertificates),
                request("disable") { removeCertificate($0, endsSessions: false) },
                request("revoke") { removeCertificate($0, endsSessions: true) },
            ],
            serverFeatures: [certificateNamespace], accountFeatures: [certificateNamespace])
    }

    private static func request(_ name: String, _ handle: @escaping (IQRequest) -> Void) -> Request {
        Request(name: name, namespace: certificateNamespace, scopes: [.account]) { request in
            guard let session = request.session, request.target == nil || request.target == request.home.jid else {
                return request.refuse(StanzaError(.auth, .forbidden))
            }
            guard request.isSet == (name != "items") else {
                return request.refuse(.badRequest("the list is asked with get and changed with set"))
            }
            // §5.1
            guard session.isSecure else {
                return request.refuse(StanzaError(.cancel, .notAllowed, "not without TLS"))
            }
            guard name == "items" || session.certificate?.manages ?? true else {
                return request.refuse(
                    StanzaError(.auth, .forbidden, "this client's certificate may not change the list"))
            }
            handle(request)
        }
    }

    private static func name(_ request: IQRequest) -> String? {
        let text = request.payload.child("name", namespace: certificateNamespace)?.text.trimmed ?? ""
        return text.isEmpty || text.utf8.count > 255 ? nil : text
    }

    private static func appendCertificate(_ request: IQRequest) {
        guard let name = name(request) else { return request.refuse(.badRequest("a name of 1 to 255 bytes is needed")) }
        guard let text = request.payload.child("x509cert", namespace: certificateNamespace)?.text else {
            return request.refuse(.badRequest("<x509cert/> is missing"))
        }
        guard let der = Base64.decode(Array(text.utf8.filter { $0 > 32 })),
            let certificate = ClientCertificate(der: der)
        else { return request.refuse(.badRequest("<x509cert/> holds no certificate")) }
        guard certificate.notAfter > Date() else {
            return request.refuse(StanzaError(.modify, .notAcceptable, "the certificate has expired"))
        }
        let manages = request.payload.child("no-cert-management", namespace: certificateNamespace) == nil
        let enrolled = EnrolledCertificate(
            name: name, fingerprint: certificate.fingerprint, der: der, manages: manages)
        let (userID, now) = (request.home.id, request.server.time.now)
        request.server.router.journal.perform({ transaction -> StanzaError? in
            do {
                try EnrolmentStore.add(enrolled, of: userID, now: now, in: transaction)
                return nil
            } catch let error as StanzaError {
                return error
            }
        }) { (result: Result<StanzaError?, any Error>) in
            switch result {
            case .success(let error): request.finish(error)
            case .failure: request.refuse(StanzaError(.wait, .internalServerError))
            }
        }
    }

    private static func listCertificates(_ request: IQRequest) {
        let (userID, home) = (request.home.id, request.home)
        request.server.router.journal.perform({ try EnrolmentStore.all(of: userID, in: $0) }) {
            (result: Result<[EnrolledCertificate], any Error>) in
            guard case .success(let certificates) = result else {
                return request.refuse(StanzaError(.wait, .internalServerError))
            }
            let items = certificates.map { certificate in
                let users = sessions(of: home, with: certificate.fingerprint)
                    .map { "<resource>\(XMLText.escape($0.resource))</resource>" }.joined()
                return "<item><name>\(XMLText.escape(certificate.name))</name>"
                    + "<x509cert>\(Base64.encode(certificate.der))</x509cert>"
                    + (certificate.manages ? "" : "<no-cert-management/>")
                    + (users.isEmpty ? "" : "<users>\(users)</users>") + "</item>"
            }
            request.reply("<items xmlns='\(certificateNamespace)'>\(items.joined())</items>")
        }
    }

    private static func sessions(of home: UserHome, with fingerprint: [UInt8]) -> [C2SSession] {
        home.endpoints.compactMap { $0 as? C2SSession }.filter { $0.certificate?.fingerprint == fingerprint }
    }

    private static func removeCertificate(_ request: IQRequest, endsSessions: Bool) {
        guard let name = name(request) else { return request.refuse(.badRequest("the certificate's name is missing")) }
        let (userID, home) = (request.home.id, request.home)
        request.server.router.journal.perform({ try EnrolmentStore.remove(name, of: userID, in: $0) }) {
            (result: Result<[UInt8]?, any Error>) in
            switch result {
            case .success(let fingerprint?):
                request.reply()
                guard endsSessions else { return }
                for session in sessions(of: home, with: fingerprint) {
                    session.end(StreamError(.notAuthorized, "the certificate was revoked"))
                }
            case .success(nil): request.refuse(.itemNotFound)
            case .failure: request.refuse(StanzaError(.wait, .internalServerError))
            }
        }
    }
}
