/// Work that goes on behind the scenes: an import, an export. Its report stays when it is done.
public struct AdminJob: Codable, Sendable, Equatable {
    public var id: Int
    /// `contacts.import`, …
    public var kind: String
    /// `queued`, `running`, `done`, `failed`, `cancelled`, or `interrupted` by the end of the server.
    public var state: String
    /// Who has asked for it.
    public var actor: String
    /// ISO 8601 instants; nil when it has not come to that.
    public var created: String
    public var started: String?
    public var finished: String?
    /// How far it is, in `unit`; `total` is nil while nobody knows.
    public var done: Int
    public var total: Int?
    public var unit: String
    /// What became of it so far, for example `added: 200`.
    public var counts: [String: Int]
    /// Why it failed.
    public var error: String?
    /// Rows with a problem; `jobs.problems` lists the first 10,000.
    public var problems: Int
    /// Bytes of the file that it has made; nil when there is none.
    public var resultBytes: Int?

    public enum State: String, Sendable, CaseIterable {
        case queued, running, done, failed, cancelled, interrupted

        public var isOver: Bool { self != .queued && self != .running }
    }

    public var isOver: Bool { State(rawValue: state)?.isOver ?? true }
}

/// Something that is wrong with a row of a file, or with somebody's list.
public struct AdminJobProblem: Codable, Sendable, Equatable {
    /// From 1, in the order of the job.
    public var number: Int
    /// Line of the file, from 1; nil when the problem has none.
    public var line: Int?
    /// Whom it is about; empty when nobody.
    public var subject: String
    public var reason: String

    public init(number: Int = 0, line: Int?, subject: String, reason: String) {
        self.number = number
        self.line = line
        self.subject = subject
        self.reason = reason
    }
}

/// The next part of a file that goes to the server.
public struct AdminUploadPart: Codable, Sendable, Equatable {
    /// What the part before was answered with; nil begins a file.
    public var upload: String?
    /// Bytes that were sent before: a part that was lost, or came twice, is noticed.
    public var offset: Int
    /// Lines in UTF-8.
    public var text: String

    public init(upload: String?, offset: Int, text: String) {
        self.upload = upload
        self.offset = offset
        self.text = text
    }
}

/// A file on its way to a job.
public struct AdminUpload: Codable, Sendable, Equatable {
    /// Name of the upload, for the next part and for the job.
    public var upload: String
    /// Bytes there are now.
    public var bytes: Int

    public init(upload: String, bytes: Int) {
        self.upload = upload
        self.bytes = bytes
    }
}

/// A part of the file that a job has made.
public struct AdminJobResult: Codable, Sendable, Equatable {
    public var text: String
    /// `offset` of the next part; nil at the end.
    public var next: Int?

    public init(text: String, next: Int?) {
        self.text = text
        self.next = next
    }
}

/// Bounds of jobs.
public enum JobLimits {
    /// Jobs that wait.
    public static let queued = 20
    /// Jobs whose report is kept; the oldest goes first.
    public static let kept = 200
    /// Problems that are kept of one job; all are counted.
    public static let problems = 10_000
    /// Bytes of one uploaded file.
    public static let uploadBytes = 1_073_741_824
    /// Uploads at a time, and seconds after which one that nothing becomes of is removed.
    public static let uploads = 8
    public static let uploadSeconds = 3_600
    /// Bytes of one part of an upload or of a result.
    public static let partBytes = 1_048_576
    /// Days after which the files of a job are removed.
    public static let fileDays = 7
}
