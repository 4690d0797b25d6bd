import Ground
import IMCore
import XMLWire
import XMPPWire

/// Gives out slots for files (XEP-0363), as `upload.` of a hosted domain, to the accounts of that domain. The files
/// themselves go through `UploadMount`.
final class UploadService: DomainService {
    let domain: String
    let title = "HTTP File Upload"
    private let host: String
    /// What stands before the path of every address.
    private let base: String
    private let files: FileService
    private let router: Router
    private let answers: ServiceAnswers

    init(domain: String, host: String, base: String, files: FileService, router: Router) {
        self.domain = domain
        self.host = host
        self.base = base
        self.files = files
        self.router = router
        answers = ServiceAnswers(
            identity: .init(category: "store", type: "file", name: "HTTP File Upload"),
            features: [UploadRequest.namespace],
            forms: [
                DataForm(
                    .result, type: UploadRequest.namespace,
                    fields: [FormField("max-file-size", value: String(files.limits.largest))])
            ])
    }

    func receive(_ stanza: RoutedStanza) {
        guard let (payload, isSet) = answers.request(in: stanza) else { return }
        guard payload.name == "request", payload.namespace == UploadRequest.namespace else {
            return refuse(stanza, .serviceUnavailable)
        }
        guard !isSet else { return refuse(stanza, .badRequest("a slot is asked for with get")) }
        guard let home = router.homes.loaded(stanza.from), stanza.from.domain == host else {
            return refuse(
                stanza, StanzaError(.cancel, .notAllowed, "only accounts of \(host) may upload files here"))
        }
        do throws(StanzaError) {
            files.requestSlot(try UploadRequest.read(payload), of: home) { [self] result in
                switch result {
                case .success(let slot): stanza.reply([answer(slot)])
                case .failure(let refusal): stanza.refuse(Self.error(refusal))
                }
                stanza.settle()
            }
        } catch {
            refuse(stanza, error)
        }
    }

    private func answer(_ slot: FileSlot) -> XMLElement {
        func address(_ name: String, _ token: String) -> XMLElement.Node {
            let url = base + UploadAddress(token: token, filename: slot.file.filename).path
            return .element(XMLElement(name, namespace: UploadRequest.namespace, attributes: ["url": url]))
        }
        return XMLElement(
            "slot", namespace: UploadRequest.namespace,
            children: [address("put", slot.secret), address("get", slot.name)])
    }

    /// §6.
    static func error(_ refusal: SlotRefusal) -> StanzaError {
        let namespace = UploadRequest.namespace
        switch refusal {
        case .tooLarge(let limit):
            return StanzaError(
                .modify, .notAcceptable, "File too large. The maximum file size is \(limit) bytes",
                extra: "<file-too-large xmlns='\(namespace)'><max-file-size>\(limit)</max-file-size></file-too-large>")
        case .quota(let until):
            return StanzaError(
                .wait, .resourceConstraint, "Quota reached",
                extra: "<retry xmlns='\(namespace)' stamp='\(Timestamp.format(until))'/>")
        case .failed: return StanzaError(.wait, .internalServerError)
        }
    }
}

extension XMPPFeature {
    /// Runs on its own domain; what is declared here is for docs/PROTOCOLS.md.
    static var upload: XMPPFeature {
        XMPPFeature("upload", [Standard("XEP-0363", "HTTP File Upload", "1.1.0")])
    }
}
