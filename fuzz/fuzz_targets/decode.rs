//! Any bytes as a binary: reading ends in a module or an error, and a module
//! that was read is written and read again without a change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nbc::ir::Module;

fuzz_target!(|data: &[u8]| {
    // The checksum keeps random bytes out, so it is also put right.
    let mut sealed = data.to_vec();
    if let Some(body) = data.len().checked_sub(4) {
        let sum = checksum(&sealed[..body]);
        sealed[body..].copy_from_slice(&sum.to_le_bytes());
    }
    for bytes in [data, &sealed] {
        let Ok(module) = Module::decode(bytes) else { continue };
        let again = Module::decode(&module.encode()).expect("what was written can be read");
        assert!(module == again, "the module changed on its way through the binary format");
        let _ = module.verify();
    }
});

/// CRC-32 as the binary format has it.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ 0xedb8_8320 & (crc & 1).wrapping_neg();
        }
    }
    !crc
}
