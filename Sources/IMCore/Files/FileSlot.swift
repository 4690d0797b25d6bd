import Storage
import XMPPWire

/// What a user wants to upload.
public struct FileRequest: Sendable, Equatable {
    public var filename: String
    /// Bytes, more than none.
    public var size: Int
    /// Media type without parameters, in lower case; nil when the user did not say.
    public var type: String?

    public init(filename: String, size: Int, type: String?) {
        self.filename = filename
        self.size = size
        self.type = type
    }
}

/// Leave to upload one file, for a while (XEP-0363 §5). Confined to the loop of its service.
public final class FileSlot {
    enum State { case open, taken, used }

    /// In the address that is written to; never in the one that is read.
    public let secret = FileSlot.random()
    /// In the address that is read.
    public let name = FileSlot.random()
    public let file: FileRequest
    let owner: JID
    let userID: Int64
    /// Monotonic milliseconds.
    let endsAt: Int64
    var state = State.open

    init(_ file: FileRequest, owner: JID, userID: Int64, endsAt: Int64) {
        self.file = file
        self.owner = owner
        self.userID = userID
        self.endsAt = endsAt
    }

    /// 192 bits: nobody guesses it.
    private static func random() -> String {
        (0..<24).map { _ in
            let byte = UInt8.random(in: .min ... .max)
            return String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }
}

/// Why a user gets no slot.
public enum SlotRefusal: Error, Equatable {
    /// More than anybody may ever upload, in bytes.
    case tooLarge(limit: Int)
    /// The user has uploaded, or asked to upload, as much as is allowed; milliseconds since 1970 of the instant
    /// from which on there is enough room.
    case quota(until: Int64)
    /// The store cannot be read.
    case failed
}

/// Why a slot cannot be written to.
public enum SlotProblem: Error, Equatable {
    case unknown
    /// Its time is over.
    case ended
    /// A file is being written to it, or has been.
    case taken
    /// Too many transfers at a time.
    case busy
}

/// How much users may upload.
public struct FileLimits: Sendable {
    /// Of one file.
    public var fileBytes = 104_857_600
    /// Of one user within 24 hours; zero is unlimited.
    public var dailyBytes = 1_073_741_824
    /// Files of one user within 24 hours.
    public var dailyFiles = 1_000
    /// How long a file is kept, in milliseconds; zero is for ever.
    public var retention: Int64 = 0
    /// How long a slot is open, in milliseconds.
    public var slotTime: Int64 = 300_000
    /// Slots of one user that are open at a time.
    public var slotsPerUser = 100
    /// Files that are being sent or received at a time.
    public var transfers = 1_000

    public init() {}

    /// Bytes of the largest file that may ever be uploaded.
    public var largest: Int { dailyBytes > 0 ? min(fileBytes, dailyBytes) : fileBytes }
}
