import Interworking
import SIPWire

extension SIPServer {
    /// Whose address a URI is: the prepared bare address; nil when it is nobody's of our domains.
    func addressOfRecord(_ uri: SIPURI) -> [UInt8]? {
        guard let domain = domain(uri), let address = AddressMapping.bareAddress(of: uri),
            let at = address.lastIndex(of: 0x40), at > 0
        else { return nil }
        if address[(at + 1)...].elementsEqual(domain.utf8) { return address }
        return Array(address[...at]) + Array(domain.utf8)
    }
}
