/// Why a load run could not be carried out at all; failures *within* a run are counted in its report.
public enum LoadFailure: Error, CustomStringConvertible, Sendable, Equatable {
    /// An option is outside its bounds; the text names the option, the value and the range.
    case invalidOption(String)
    /// The machine refuses what the run needs: descriptors, an address, a file.
    case notPossible(String)

    public var description: String {
        switch self {
        case .invalidOption(let text), .notPossible(let text): text
        }
    }
}
