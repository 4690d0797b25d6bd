import IMCore
import NIOCore
import NIOHTTP1
import Storage
import Transport

/// Where files are written, with the address of a slot, and read by everybody who knows their own (XEP-0363 §7):
/// `/upload`.
public final class UploadMount: XMPPMount {
    static let location = "/upload"
    private static let methods = "GET, HEAD, PUT, OPTIONS"

    public let path = location
    public let bodyBytes = 0
    public let takesBodies = true
    let files: FileService
    private var origins: AllowedOrigins
    /// No new uploads: the server is going down.
    private let isClosed: () -> Bool

    init(files: FileService, origins: AllowedOrigins, isClosed: @escaping () -> Bool) {
        self.files = files
        self.origins = origins
        self.isClosed = isClosed
    }

    public func reconfigure(_ server: C2SServer, _ settings: WebSettings) {
        origins = AllowedOrigins(settings.origins)
    }

    // MARK: PUT

    public func intake(_ request: HTTPRequest, _ exchange: HTTPExchange) -> HTTPIntake {
        guard request.method == .PUT else { return .gather }
        guard origins.allows(request) else { return .refuse(.text(.forbidden, "this origin is not allowed")) }
        origins.add(to: &exchange.headers, for: request)
        guard !isClosed() else { return .refuse(.text(.serviceUnavailable, "the server is going down")) }
        guard let address = UploadAddress(path: request.path) else { return .refuse(Self.nothing) }
        do throws(SlotProblem) {
            let slot = try files.take(address.token)
            guard slot.file.filename == address.filename else { return .refuse(Self.nothing) }
            if let refusal = Self.refusal(of: request.headers, slot.file) { return .refuse(refusal) }
            return .stream(
                UploadSink(
                    slot, try files.begin(slot), type: Self.type(of: request.headers, slot.file), files: files,
                    exchange))
        } catch {
            return .refuse(Self.answer(error))
        }
    }

    /// What is wrong with the headers of an upload; nil when they fit the slot.
    static func refusal(of headers: HTTPHeaders, _ file: FileRequest) -> HTTPResponse? {
        guard let text = headers.first(name: "content-length"), let length = Int(text) else {
            return .text(.lengthRequired, "say Content-Length")
        }
        guard length == file.size else {
            return .text(
                length > file.size ? .payloadTooLarge : .badRequest, "the slot is for \(file.size) bytes exactly")
        }
        if headers.contains(name: "content-encoding") || headers.contains(name: "content-range") {
            return .text(.badRequest, "a file is sent as it is, and whole")
        }
        if let wanted = file.type, let type = headers.first(name: "content-type"), MediaType.essence(type) != wanted {
            return .text(.unsupportedMediaType, "the slot is for \(wanted)")
        }
        return nil
    }

    private static func type(of headers: HTTPHeaders, _ file: FileRequest) -> String {
        file.type ?? headers.first(name: "content-type").flatMap { MediaType.essence($0) } ?? MediaType.unknown
    }

    static func answer(_ problem: SlotProblem) -> HTTPResponse {
        switch problem {
        case .unknown: return nothing
        case .ended: return .text(.gone, "the time for this upload is over; ask for another slot")
        case .taken: return .text(.conflict, "a file was uploaded here, or is being uploaded")
        case .busy: return busy
        }
    }

    static func answer(_ failure: FileFailure) -> HTTPResponse {
        switch failure {
        case .full: .text(.insufficientStorage, "there is no room for this file")
        case .missing: .text(.gone, "the account is gone")
        case .failed: .text(.internalServerError, "the file could not be stored")
        }
    }

    private static var nothing: HTTPResponse { .text(.notFound, "nothing is here") }

    private static var busy: HTTPResponse {
        var response = HTTPResponse.text(.serviceUnavailable, "too many transfers at a time")
        response.headers.add(name: "retry-after", value: "10")
        return response
    }

    // MARK: GET and HEAD

    public func receive(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        switch request.method {
        case .OPTIONS: exchange.respond(origins.preflight(request, methods: Self.methods))
        case .GET, .HEAD:
            guard origins.allows(request) else {
                return exchange.respond(.text(.forbidden, "this origin is not allowed"))
            }
            origins.add(to: &exchange.headers, for: request)
            if exchange.headers.contains(name: "access-control-allow-origin") {
                exchange.headers.add(
                    name: "access-control-expose-headers",
                    value: "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag")
            }
            fetch(request, exchange)
        default:
            var response = HTTPResponse.text(.methodNotAllowed, "files are written with PUT and read with GET")
            response.headers.add(name: "allow", value: Self.methods)
            exchange.respond(response)
        }
    }

    private func fetch(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        guard let address = UploadAddress(path: request.path) else { return exchange.respond(Self.nothing) }
        files.find(address.token) { [self] result in
            switch result {
            case .failure: exchange.respond(.text(.internalServerError, "the file cannot be read"))
            case .success(let file?) where file.filename == address.filename:
                send(file, FileAnswer(file, to: request.headers, isHead: request.method == .HEAD), exchange)
            case .success: exchange.respond(Self.nothing)
            }
        }
    }

    private func send(_ file: FileRecord, _ answer: FileAnswer, _ exchange: HTTPExchange) {
        var response = HTTPResponse(answer.status, headers: answer.headers)
        guard let range = answer.range else { return exchange.respond(response) }
        guard files.beginTransfer() else { return exchange.respond(Self.busy) }
        files.open(file) { [self] result in
            switch result {
            case .success(let reader):
                response.source = FileSource(reader, range) { [files] in files.endTransfer() }
                exchange.respond(response)
            case .failure(let failure):
                files.endTransfer()
                exchange.respond(
                    failure == .missing ? Self.nothing : .text(.internalServerError, "the file cannot be read"))
            }
        }
    }
}

/// One upload under way.
final class UploadSink: HTTPBodySink {
    private let slot: FileSlot
    private let intake: FileIntake
    private let type: String
    private let files: FileService
    private let exchange: HTTPExchange
    private var received = 0
    private var isOver = false

    init(_ slot: FileSlot, _ intake: FileIntake, type: String, files: FileService, _ exchange: HTTPExchange) {
        self.slot = slot
        self.intake = intake
        self.type = type
        self.files = files
        self.exchange = exchange
        intake.whenRoom = { [weak exchange] in exchange?.hold(false) }
        intake.whenFailed = { [weak self] failure in
            guard let self, giveUp() else { return }
            self.exchange.respond(UploadMount.answer(failure))
        }
    }

    func receive(_ part: ByteBuffer) {
        guard !isOver else { return }
        received += part.readableBytes
        if !intake.append(part) { exchange.hold(true) }
    }

    func end() {
        guard !isOver else { return }
        exchange.hold(false)
        guard received == slot.file.size else {
            _ = giveUp()
            return exchange.respond(.text(.badRequest, "the slot is for \(slot.file.size) bytes exactly"))
        }
        isOver = true
        let exchange = exchange
        files.complete(slot, intake, type: type) { failure in
            exchange.respond(failure.map { UploadMount.answer($0) } ?? HTTPResponse(.created))
        }
    }

    func lost() { _ = giveUp() }

    private func giveUp() -> Bool {
        guard !isOver else { return false }
        isOver = true
        files.giveUp(slot, intake)
        return true
    }
}

/// A file on its way to a client.
final class FileSource: HTTPBodySource {
    /// Bytes of one piece.
    private static let pieceBytes = 131_072

    let length: Int
    private let reader: FileReader
    private var rest: Range<Int>
    private var whenClosed: (() -> Void)?

    init(_ reader: FileReader, _ range: Range<Int>, whenClosed: @escaping () -> Void) {
        self.reader = reader
        self.whenClosed = whenClosed
        rest = range
        length = range.count
    }

    func next(_ then: @escaping (ByteBuffer?) -> Void) {
        let piece = rest.prefix(Self.pieceBytes)
        rest = piece.upperBound..<rest.upperBound
        reader.read(piece.lowerBound..<piece.upperBound) { then(try? $0.get()) }
    }

    func close() {
        whenClosed?()
        whenClosed = nil
    }
}
