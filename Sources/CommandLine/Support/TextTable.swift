/// Aligned columns for people.
struct TextTable {
    var header: [String]
    private(set) var rows: [[String]] = []

    init(_ header: [String]) {
        self.header = header
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells.map(Output.printable))
    }

    /// The header and the rows, columns two spaces apart, nothing after the last cell of a line.
    var lines: [String] {
        let all = (header.isEmpty ? [] : [header]) + rows
        var widths: [Int] = []
        for row in all {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < row.count - 1 {
                    line += String(repeating: " ", count: widths[column] - cell.count + 2)
                }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    func write() {
        for line in lines { Output.line(line) }
    }
}
