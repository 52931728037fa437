/** CRC-32 as in zlib and Ethernet. memberlist puts it in front of packets for peers that understand it (P6). */

const TABLE = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  TABLE[n] = value;
}

/** Checksum of `bytes` from `from` to the end, as an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, from = 0): number {
  let crc = 0xffff_ffff;
  for (let i = from; i < bytes.length; i++)
    crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}
