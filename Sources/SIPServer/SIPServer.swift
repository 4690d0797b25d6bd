/// The SIP face.
