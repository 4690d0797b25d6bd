/// Bidi classes of the code points that IdentifierClass (RFC 8264) and IDNA2008 admit, as far as the Bidi rule
/// tells them apart. From the Unicode character database, version 15; later additions stand with the class that
/// version reserves for their block. Ranges run across unassigned and inadmissible code points.
///
/// Combining marks (NSM) are told by general category, and everything else is L.
enum BidiClassRanges {
    /// R: Hebrew and the other right-to-left scripts.
    static let right = CodePointRanges([
        0x05D0, 0x05F4, 0x07C0, 0x0858, 0x10800, 0x10CF2, 0x10D40, 0x10EB1, 0x10F00, 0x10F27, 0x10F70, 0x10FF6,
        0x1E800, 0x1E959,
    ])

    /// AL: Arabic, Syriac, Thaana and kin.
    static let arabicLetter = CodePointRanges([
        0x0620, 0x064A, 0x066E, 0x06EF, 0x06FA, 0x07B1, 0x0860, 0x08C9, 0xFE73, 0xFE73, 0x10D00, 0x10D23,
        0x10EC2, 0x10EC7, 0x10F30, 0x10F45,
    ])

    /// AN: Arabic-Indic and Hanifi Rohingya digits.
    static let arabicNumber = CodePointRanges([
        0x0660, 0x0669, 0x10D30, 0x10D39,
    ])

    /// EN: ASCII and extended Arabic-Indic digits.
    static let europeanNumber = CodePointRanges([
        0x0030, 0x0039, 0x06F0, 0x06F9,
    ])

    /// ES, CS, ET, ON and BN, which the rule treats alike.
    static let neutral = CodePointRanges([
        0x0021, 0x0022, 0x0023, 0x0025, 0x0026, 0x002A, 0x002B, 0x002B, 0x002C, 0x002C, 0x002D, 0x002D,
        0x002E, 0x002F, 0x003A, 0x003A, 0x003B, 0x0040, 0x005B, 0x0060, 0x007B, 0x00B7, 0x02B9, 0x02BA,
        0x02C6, 0x02CF, 0x02EC, 0x02EC, 0x0375, 0x0375, 0x200C, 0x200D, 0x2E2F, 0x2E2F, 0x30FB, 0x30FB,
        0xA67F, 0xA67F, 0xA717, 0xA71F, 0xA788, 0xA788,
    ])
}
