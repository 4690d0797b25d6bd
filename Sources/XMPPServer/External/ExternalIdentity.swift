import Foundation
import IMCore
import NIOCore
import Storage
import Transport
import XMPPWire

/// Who the client of a connection may be by its certificate, and what follows from it.
struct ExternalIdentity: Equatable, Sendable {
    var account: JID
    /// The only resource that the certificate is for (XEP-0257 §3).
    var resource: String?
    /// It may change the list of the user's certificates.
    var manages = true
}

/// Maps client certificates to accounts (XEP-0178 §2, XEP-0257 §3). Confined to one event loop, works off it.
final class ExternalAuthentication {
    private let database: any Database
    private let loop: NIOIsolatedEventLoop
    private let authorities: ClientAuthorities?
    private let allowsEnrolment: Bool

    /// Nil when nobody is asked for a certificate.
    init?(_ config: C2SConfig, database: any Database, loop: NIOIsolatedEventLoop) {
        guard config.clientAuthorities != nil || config.allowsEnrolment else { return nil }
        self.database = database
        authorities = config.clientAuthorities
        allowsEnrolment = config.allowsEnrolment
        self.loop = loop
    }

    /// The accounts of a domain that a chain of certificates stands for; none when it has ended, when nobody vouches
    /// for it, or when it names nobody here.
    func identities(_ chain: [[UInt8]], domain: String, then: @escaping ([ExternalIdentity]) -> Void) {
        let certificate = chain.first.flatMap { ClientCertificate(der: $0) }
        guard let certificate, certificate.isValid(at: Date()) else { return then([]) }
        let (database, authorities, allowsEnrolment) = (database, authorities, allowsEnrolment)
        let future = loop.nonisolated().makeFutureWithTask {
            try await Self.resolve(certificate, chain, domain, database, authorities, allowsEnrolment)
        }
        future.assumeIsolated().whenComplete { then((try? $0.get()) ?? []) }
    }

    private static func resolve(
        _ certificate: ClientCertificate, _ chain: [[UInt8]], _ domain: String, _ database: any Database,
        _ authorities: ClientAuthorities?, _ allowsEnrolment: Bool
    ) async throws -> [ExternalIdentity] {
        var named: [JID] = []
        if certificate.isForClients, let authorities, await authorities.trust(chain) {
            named = Self.named(certificate, domain)
        }
        let candidates = named
        return try await database.read { transaction in
            try find(certificate, domain, candidates, allowsEnrolment, in: transaction)
        }
    }

    private static func find(
        _ certificate: ClientCertificate, _ domain: String, _ named: [JID], _ allowsEnrolment: Bool,
        in transaction: any Transaction
    ) throws -> [ExternalIdentity] {
        var identities: [ExternalIdentity] = []
        if allowsEnrolment {
            for owner in try EnrolmentStore.owners(of: certificate.fingerprint, domain: domain, in: transaction) {
                let resource = addresses(certificate).first { $0.bare == owner.jid }?.resource
                identities.append(ExternalIdentity(account: owner.jid, resource: resource, manages: owner.manages))
            }
        }
        for jid in named where !identities.contains(where: { $0.account == jid.bare }) {
            guard try AccountStore.account(jid.bare, in: transaction) != nil else { continue }
            identities.append(ExternalIdentity(account: jid.bare, resource: jid.resource))
        }
        return identities
    }

    private static func addresses(_ certificate: ClientCertificate) -> [JID] {
        certificate.xmppAddresses.compactMap { try? JID(parsing: $0) }
    }

    /// Addresses of the domain that the certificate names: XMPP addresses, or where there are none its e-mail
    /// addresses, or else its common name (XEP-0178 §2, step 11).
    static func named(_ certificate: ClientCertificate, _ domain: String) -> [JID] {
        var found: [JID] = []
        func add(_ jid: JID?) {
            if let jid, jid.local != nil, jid.domain == domain, !found.contains(jid) { found.append(jid) }
        }
        guard certificate.xmppAddresses.isEmpty else {
            for jid in addresses(certificate) { add(jid) }
            return found
        }
        for email in certificate.emails { add((try? JID(parsing: email))?.bare) }
        guard certificate.emails.isEmpty, let name = certificate.commonName else { return found }
        add(
            name.contains("@")
                ? (try? JID(parsing: name))?.bare : try? JID(local: name, domain: domain, resource: nil))
        return found
    }
}

/// SASL EXTERNAL (RFC 4422 appendix A) on a stream whose TLS has shown who the client is.
extension C2SSession {
    /// Finds out who the client may be before its mechanisms are announced; `then` runs at once when there is nothing
    /// to find out.
    func findIdentities(then: @escaping () -> Void) {
        guard account == nil, isSecure, let external = server.external, let chain = link?.peerCertificates,
            !chain.isEmpty
        else { return then() }
        pauseInput()
        external.identities(chain, domain: domain) { [self] identities in
            defer { resumeInput() }
            guard phase == .header || phase == .negotiating, negotiation != nil else { return }
            negotiation?.identities = identities
            then()
        }
    }

    /// - Parameter response: the authorization identity; empty for the one that the certificate names.
    func external(_ response: [UInt8]) {
        negotiation?.exchange = nil
        let identities = negotiation?.identities ?? []
        guard let text = String(validating: response, as: UTF8.self), !response.contains(0) else {
            return saslFailed(.malformedRequest)
        }
        let chosen: ExternalIdentity
        if text.isEmpty {
            // XEP-0178 §2 step 11.2: more than one, so the client has to say which.
            guard identities.count == 1 else { return saslFailed(.invalidAuthzid) }
            chosen = identities[0]
        } else {
            guard let jid = try? JID(parsing: text),
                let found = identities.first(where: { $0.account == jid.bare }),
                jid.resource == nil || found.resource == nil || jid.resource == found.resource
            else { return rejected(nil, .invalidAuthzid) }
            chosen = found
        }
        guard isAuthorized(nil, as: chosen.account) else { return saslFailed(.invalidAuthzid) }
        guard mayTry(chosen.account) else { return }
        certificate = SessionCertificate(
            fingerprint: link?.peerCertificates?.first.flatMap { ClientCertificate(der: $0) }?.fingerprint ?? [],
            resource: chosen.resource, manages: chosen.manages)
        // A token would outlive the certificate.
        negotiation?.request?.tokenMechanism = nil
        accepted(chosen.account, [])
    }
}

/// The certificate that a session has logged in with.
struct SessionCertificate {
    /// SHA-256.
    var fingerprint: [UInt8]
    /// The only resource that it may bind.
    var resource: String?
    /// It may change the list of certificates.
    var manages: Bool
}
