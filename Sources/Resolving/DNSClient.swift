import CCares
import Foundation
import NIOCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Why there is no answer.
public enum DNSFailure: Error, Sendable, Equatable {
    /// The name, or a record of that kind, does not exist.
    case none
    /// Nobody answers, or not sensibly.
    case unavailable
}

/// Asks name servers: c-ares on a thread of its own, which sleeps in poll(2) while nothing is asked.
///
/// Any thread may ask; the answer comes on the loop that is named.
public final class DNSClient: Sendable {
    typealias Answer = @Sendable (Result<[DNSRecord], DNSFailure>) -> Void

    fileprivate struct Question: Sendable {
        var name: String
        var type: DNSRecordType
        var answer: Answer
    }

    private struct Inbox {
        var questions: [Question] = []
        var isStopped = false
    }

    private let inbox = Mutex(Inbox())
    private let wakeRead: Int32
    private let wakeWrite: Int32
    private static let questionLimit = 4_096

    /// - Parameters:
    ///   - servers: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`; those of the system when empty.
    ///   - timeout: milliseconds for the first try; c-ares doubles it.
    public init(servers: [String] = [], timeout: Int32 = 2_000, tries: Int32 = 2) {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        (wakeRead, wakeWrite) = (ends[0], ends[1])
        for end in ends where end >= 0 {
            _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        let thread = Thread { [self] in run(servers, timeout, tries) }
        thread.name = "dns"
        thread.start()
    }

    /// Asks; `answer` is called once, on the loop.
    public func ask(
        _ name: String, _ type: DNSRecordType, on loop: any EventLoop,
        _ answer: @escaping @Sendable (Result<[DNSRecord], DNSFailure>) -> Void
    ) {
        let question = Question(name: name, type: type) { result in loop.execute { answer(result) } }
        let isTaken = inbox.withLock { inbox in
            guard !inbox.isStopped, inbox.questions.count < Self.questionLimit else { return false }
            inbox.questions.append(question)
            return true
        }
        if isTaken { wake() } else { question.answer(.failure(.unavailable)) }
    }

    /// Ends the thread; what is under way fails.
    public func stop() {
        inbox.withLock { $0.isStopped = true }
        wake()
    }

    private func wake() {
        var byte: UInt8 = 1
        _ = write(wakeWrite, &byte, 1)
    }

    // MARK: The thread

    private func run(_ servers: [String], _ timeout: Int32, _ tries: Int32) {
        defer {
            close(wakeRead)
            close(wakeWrite)
        }
        _ = ares_library_init(ARES_LIB_INIT_ALL)
        var options = ares_options()
        options.timeout = timeout
        options.tries = tries
        // The search list is for people who type short names.
        options.flags = 1 << 5
        var channel: ares_channel?
        // ARES_OPT_FLAGS, ARES_OPT_TRIES and ARES_OPT_TIMEOUTMS
        guard ares_init_options(&channel, &options, 1 | 1 << 2 | 1 << 13) == 0, let channel else { return refuseAll() }
        defer { ares_destroy(channel) }
        if !servers.isEmpty, ares_set_servers_ports_csv(channel, servers.joined(separator: ",")) != 0 {
            return refuseAll()
        }
        while turn(channel) {}
        ares_cancel(channel)
        for question in inbox.withLock({ take(&$0) }) { question.answer(.failure(.unavailable)) }
    }

    /// False when it is over.
    private func turn(_ channel: ares_channel) -> Bool {
        let (questions, isStopped) = inbox.withLock { inbox in (take(&inbox), inbox.isStopped) }
        guard !isStopped else {
            for question in questions { question.answer(.failure(.unavailable)) }
            return false
        }
        for question in questions {
            let box = Unmanaged.passRetained(QuestionBox(question))
            // 1: class IN
            ares_query(channel, question.name, 1, question.type.rawValue, dnsAnswered, box.toOpaque())
        }
        wait(channel)
        return true
    }

    private func wait(_ channel: ares_channel) {
        var sockets = [ares_socket_t](repeating: -1, count: 16)
        let bits = ares_getsock(channel, &sockets, 16)
        var polled = [pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0)]
        for index in 0..<16 {
            let (reads, writes) = (bits >> Int32(index) & 1 != 0, bits >> Int32(index + 16) & 1 != 0)
            guard reads || writes else { continue }
            polled.append(
                pollfd(fd: sockets[index], events: Int16(reads ? POLLIN : 0) | Int16(writes ? POLLOUT : 0), revents: 0))
        }
        var time = timeval()
        let milliseconds: Int32 =
            ares_timeout(channel, nil, &time) == nil
            ? -1 : Int32(clamping: Int64(time.tv_sec) * 1_000 + Int64(time.tv_usec) / 1_000 + 1)
        let count = poll(&polled, nfds_t(polled.count), milliseconds)
        if polled[0].revents != 0 {
            var scratch = [UInt8](repeating: 0, count: 256)
            while read(wakeRead, &scratch, 256) == 256 {}
        }
        guard count > 0 else { return ares_process_fd(channel, -1, -1) }
        for entry in polled.dropFirst() where entry.revents != 0 {
            let reads = entry.revents & ~Int16(POLLOUT) != 0
            let writes = entry.revents & Int16(POLLOUT) != 0
            ares_process_fd(channel, reads ? entry.fd : -1, writes ? entry.fd : -1)
        }
        ares_process_fd(channel, -1, -1)
    }

    private func take(_ inbox: inout Inbox) -> [Question] {
        defer { inbox.questions = [] }
        return inbox.questions
    }

    private func refuseAll() {
        let left = inbox.withLock { inbox in
            inbox.isStopped = true
            return take(&inbox)
        }
        for question in left { question.answer(.failure(.unavailable)) }
    }
}

private final class QuestionBox {
    let question: DNSClient.Question
    init(_ question: DNSClient.Question) { self.question = question }
}

private func dnsAnswered(
    _ argument: UnsafeMutableRawPointer?, _ status: Int32, _ timeouts: Int32, _ bytes: UnsafeMutablePointer<UInt8>?,
    _ count: Int32
) {
    guard let argument else { return }
    let question = Unmanaged<QuestionBox>.fromOpaque(argument).takeRetainedValue().question
    switch status {
    // ARES_SUCCESS
    case 0:
        let records = bytes.flatMap { DNSMessage.records(UnsafeRawBufferPointer(start: $0, count: Int(count))) }
        question.answer(records.map { .success($0) } ?? .failure(.unavailable))
    // ARES_ENODATA, ARES_ENOTFOUND
    case 1, 4: question.answer(.failure(.none))
    default: question.answer(.failure(.unavailable))
    }
}
