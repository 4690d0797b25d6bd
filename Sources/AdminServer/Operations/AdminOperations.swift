import Foundation

/// Every operation. A new topic is a file `<Topic>/<Topic>Operations.swift` with a list, and one line here.
public enum AdminOperations {
    public static let all: [AdminOperation] =
        StatusOperations.all + UserOperations.all + SessionOperations.all + PortableOperations.all
        + AdministratorOperations.all + TokenOperations.all + SetupOperations.all + AuditOperations.all
        + SettingsOperations.all + ServiceOperations.all + DoctorOperations.all + CertificateOperations.all
        + MetricsOperations.all + LogOperations.all + ExplainOperations.all
        + ContactOperations.all + RosterOperations.all + JobOperations.all + SIPOperations.all

    public static func named(_ name: String) -> AdminOperation? { all.first { $0.name == name } }
}

/// Finds the operation that a request means.
struct OperationTable: Sendable {
    enum Match: Sendable {
        case found(AdminOperation, [String: String])
        /// The path is known, with other methods.
        case otherMethods([String])
        case unknown
    }

    private struct Entry: Sendable {
        var operation: AdminOperation
        var segments: [String?]
        var names: [String]
    }

    private let entries: [Entry]
    let operations: [AdminOperation]

    init(_ operations: [AdminOperation]) {
        self.operations = operations
        entries = operations.map { operation in
            let names = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                String($0.dropFirst().dropLast())
            }
            return Entry(operation: operation, segments: operation.segments, names: names)
        }
    }

    /// - Parameter path: below `/api/v1`, percent-encoded as it came.
    func match(_ method: String, _ path: Substring) -> Match {
        let parts = path.split(separator: "/").map { String($0).removingPercentEncoding }
        guard parts.allSatisfy({ $0 != nil }) else { return .unknown }
        let segments = parts.compactMap { $0 }
        let candidates = entries.filter { entry in
            entry.segments.count == segments.count
                && zip(entry.segments, segments).allSatisfy { $0 == nil || $0 == $1 }
        }
        // A word of the path goes before a parameter in its place.
        let literals = candidates.map { $0.segments.count { $0 != nil } }.max()
        let nearest = candidates.filter { entry in entry.segments.count { $0 != nil } == literals }
        guard !nearest.isEmpty else { return .unknown }
        let wanted = method == "HEAD" ? "GET" : method
        guard let entry = nearest.first(where: { $0.operation.method.rawValue == wanted }) else {
            let methods = Set(nearest.map(\.operation.method.rawValue))
            return .otherMethods((methods.contains("GET") ? methods.union(["HEAD"]) : methods).sorted())
        }
        let values = zip(entry.segments, segments).filter { $0.0 == nil }.map(\.1)
        return .found(entry.operation, Dictionary(uniqueKeysWithValues: zip(entry.names, values)))
    }

    /// The operation that reads what a change of the same path changes.
    func reader(of operation: AdminOperation) -> AdminOperation? {
        operations.first { $0.isResource && $0.path == operation.path && $0.method == .get }
    }
}
