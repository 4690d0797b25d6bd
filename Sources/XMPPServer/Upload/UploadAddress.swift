import Foundation
import IMCore

/// Addresses of slots and files: `/upload/SECRET/FILENAME` to write, `/upload/NAME/FILENAME` to read.
struct UploadAddress: Equatable {
    /// The random part.
    var token: String
    var filename: String

    init(token: String, filename: String) {
        self.token = token
        self.filename = filename
    }

    /// Reads the path of a request; nil for anything that the server never gave out.
    init?(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].isEmpty, parts[1] == UploadMount.location.dropFirst(),
            let filename = String(parts[3]).removingPercentEncoding, !filename.isEmpty
        else { return nil }
        self.init(token: String(parts[2]), filename: filename)
    }

    /// Everything but letters, digits and `-._~` is encoded (RFC 3986 §2.3).
    var path: String { "\(UploadMount.location)/\(token)/\(Self.encoded(filename))" }

    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += hex.utf8.count == 1 ? "%0" + hex : "%" + hex
            }
        }
        return result
    }
}
