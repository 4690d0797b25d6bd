import Foundation
import Yams

/// Reads `roost.yaml` into a `ServerConfig`, or reports everything that is wrong with it at once.
public enum ConfigLoader {
    /// Largest configuration file in bytes.
    static let fileBytes = 1_048_576

    /// Reads and checks a configuration file.
    ///
    /// Relative paths in the file are relative to its folder; in the result every path is absolute.
    ///
    /// - Parameter checksFiles: whether certificates, keys and folders must exist too. The command line leaves this out
    ///   where it only needs the address of the admin socket.
    /// - Throws: every problem with file, line, key, value and allowed range; a syntax error stands alone.
    public static func load(path: String, checksFiles: Bool = true) throws(ConfigProblems) -> ServerConfig {
        let file = URL(fileURLWithPath: path)
        let text = try readText(path)
        return try parse(
            text, file: path, folder: file.deletingLastPathComponent().path, checksFiles: checksFiles)
    }

    /// Reads a configuration from text.
    ///
    /// - Parameters:
    ///   - file: name that problems carry.
    ///   - folder: absolute path that relative paths start from.
    static func parse(
        _ yaml: String, file: String, folder: String, checksFiles: Bool
    ) throws(ConfigProblems) -> ServerConfig {
        var reader = try read(yaml, file: file, folder: folder)
        reader.check(files: checksFiles)
        if let problems = reader.sortedProblems { throw problems }
        return reader.config
    }

    private static func read(
        _ yaml: String, file: String, folder: String
    ) throws(ConfigProblems) -> ConfigReader {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw ConfigProblems([syntaxProblem(error, file: file)])
        }
        var reader = ConfigReader(file: file, folder: folder)
        reader.readRoot(root)
        return reader
    }

    /// Where the admin socket of the server is that runs with a file; other problems of the file do not matter for that.
    ///
    /// - Throws: when the file cannot be read, is not YAML, or says something wrong about the socket.
    public static func adminSocket(path: String) throws(ConfigProblems) -> String {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var reader = try read(try readText(path), file: path, folder: folder)
        reader.checkPaths()
        let problems = reader.problems.filter { $0.key == "admin_socket" }
        guard problems.isEmpty else { throw ConfigProblems(problems) }
        return reader.config.adminSocket
    }

    /// Reads the file, and puts what is stored over it.
    ///
    /// - Parameters:
    ///   - text: what the file says; nil to read it.
    ///   - stored: values by key; a key that does not exist any more is left out.
    /// - Throws: every problem; one of a stored value names the key and no file.
    public static func load(
        path: String, text: String? = nil, stored: [String: SettingValue]
    ) throws(ConfigProblems) -> LayeredConfig {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let text = if let text { text } else { try readText(path) }
        var reader = try read(text, file: path, folder: folder)
        var layered = LayeredConfig()
        layered.text = text
        layered.keysInFile = reader.keysInFile
        var file = reader
        file.checkPaths()
        layered.file = file.config
        for setting in Setting.all {
            guard let value = stored[setting.dottedPath], !setting.isFileOnly else { continue }
            reader.problems += setting.set(value, in: &reader.config)
        }
        reader.check(files: true)
        if let problems = reader.sortedProblems { throw problems }
        layered.config = reader.config
        return layered
    }

    private static func readText(_ path: String) throws(ConfigProblems) -> String {
        switch SmallFile.read(path, atMost: fileBytes) {
        case .failure(let reason):
            throw ConfigProblems([ConfigProblem(file: path, text: reason.text)])
        case .success(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw ConfigProblems([ConfigProblem(file: path, text: "is not UTF-8 text")])
            }
            return text
        }
    }

    private static func syntaxProblem(_ error: any Error, file: String) -> ConfigProblem {
        guard let error = error as? YamlError else {
            return ConfigProblem(file: file, text: "is not YAML: \(error)")
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = context.map { " (\($0.text) that begins in line \($0.mark.line))" } ?? ""
            return ConfigProblem(file: file, line: mark.line, text: "is not YAML: \(problem)\(place)")
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { "\"\(ConfigReader.shown($0))\"" }.joined(separator: ", ")
            return ConfigProblem(file: file, line: context.mark.line, text: "key \(names) is given more than once")
        case .reader(let problem, _, _, _):
            return ConfigProblem(file: file, text: "is not YAML: \(problem)")
        default:
            return ConfigProblem(file: file, text: "is not YAML: \(ConfigReader.shown("\(error)"))")
        }
    }
}

/// The configuration in force, and what the file alone says.
public struct LayeredConfig: Sendable {
    public var config = ServerConfig()
    public var file = ServerConfig()
    public var keysInFile: Set<String> = []
    /// What stands in the file.
    public var text = ""

    public init() {}
}

/// Reads whole files that are small by nature, within a bound.
enum SmallFile {
    struct Failure: Error { var text: String }

    static func read(_ path: String, atMost limit: Int) -> Result<[UInt8], Failure> {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            return .failure(Failure(text: "\(path) does not exist"))
        }
        guard !isDirectory.boolValue else { return .failure(Failure(text: "\(path) is a folder")) }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            return .failure(Failure(text: "\(path) cannot be read: no permission"))
        }
        defer { try? handle.close() }
        do {
            let bytes = try handle.read(upToCount: limit + 1) ?? Data()
            guard bytes.count <= limit else {
                return .failure(Failure(text: "\(path) is larger than \(limit) bytes"))
            }
            return .success(Array(bytes))
        } catch {
            return .failure(Failure(text: "\(path) cannot be read: \(error.localizedDescription)"))
        }
    }
}
