//! A baseline H.264 encoder that only writes uncompressed (`I_PCM`) and skipped macroblocks.
//!
//! Neither kind needs a transform or a motion search, which keeps the encoder short, and every decoder must
//! support both. A still background costs a few bytes per frame.

use super::Size;
use super::bit_writer::BitWriter;

const MACROBLOCK: usize = 16;

/// A picture in YUV 4:2:0, padded to whole macroblocks.
pub(crate) struct Yuv {
    columns: usize,
    rows: usize,
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
}

impl Yuv {
    pub(crate) fn new(size: Size) -> Self {
        let columns = (size.width as usize).div_ceil(MACROBLOCK);
        let rows = (size.height as usize).div_ceil(MACROBLOCK);
        let pixels = columns * rows * MACROBLOCK * MACROBLOCK;
        Self { columns, rows, luma: vec![16; pixels], chroma: [vec![128; pixels / 4], vec![128; pixels / 4]] }
    }

    /// Sets one pixel. Of every square of four pixels, the top left one sets the chroma.
    pub(crate) fn set(&mut self, x: usize, y: usize, [red, green, blue]: [u8; 3]) {
        let (r, g, b) = (i32::from(red), i32::from(green), i32::from(blue));
        let stride = self.columns * MACROBLOCK;
        self.luma[y * stride + x] = (((66 * r + 129 * g + 25 * b + 128) >> 8) + 16) as u8;
        if x.is_multiple_of(2) && y.is_multiple_of(2) {
            let at = y / 2 * (stride / 2) + x / 2;
            self.chroma[0][at] = (((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128) as u8;
            self.chroma[1][at] = (((112 * r - 94 * g - 18 * b + 128) >> 8) + 128) as u8;
        }
    }

    pub(crate) fn macroblocks(&self) -> usize {
        self.columns * self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Copies one macroblock from `source`, which must have the same size.
    pub(crate) fn restore(&mut self, index: usize, source: &Self) {
        let (column, row) = (index % self.columns, index / self.columns);
        let copy = |to: &mut [u8], from: &[u8], side: usize| {
            let stride = self.columns * side;
            for line in row * side..(row + 1) * side {
                let start = line * stride + column * side;
                to[start..start + side].copy_from_slice(&from[start..start + side]);
            }
        };
        copy(&mut self.luma, &source.luma, MACROBLOCK);
        for (to, from) in self.chroma.iter_mut().zip(&source.chroma) {
            copy(to, from, MACROBLOCK / 2);
        }
    }

    /// Returns the 384 samples of a macroblock in the order of `I_PCM`: luma, Cb, Cr.
    fn samples(&self, index: usize) -> Vec<u8> {
        let (column, row) = (index % self.columns, index / self.columns);
        let mut samples = Vec::with_capacity(384);
        let mut take = |plane: &[u8], side: usize| {
            let stride = self.columns * side;
            for line in row * side..(row + 1) * side {
                let start = line * stride + column * side;
                samples.extend_from_slice(&plane[start..start + side]);
            }
        };
        take(&self.luma, MACROBLOCK);
        take(&self.chroma[0], MACROBLOCK / 2);
        take(&self.chroma[1], MACROBLOCK / 2);
        samples
    }
}

/// `profile_idc`, constraint flags and `level_idc`: constrained baseline, level 3, which allows 720x576.
pub(crate) const PROFILE: [u8; 3] = [66, 0b1100_0000, 30];

/// Encodes the sequence parameter set.
pub(crate) fn sequence_parameters(size: Size) -> Vec<u8> {
    let in_macroblocks = |side: u32| side.div_ceil(16);
    let mut bits = BitWriter::default();
    for byte in PROFILE {
        bits.bits(u32::from(byte), 8);
    }
    bits.unsigned(0); // seq_parameter_set_id
    bits.unsigned(0); // log2_max_frame_num_minus4: frame numbers of four bits
    bits.unsigned(2); // pic_order_cnt_type: shown in the order they are coded
    bits.unsigned(1); // max_num_ref_frames
    bits.bit(false); // gaps_in_frame_num_value_allowed_flag
    bits.unsigned(in_macroblocks(size.width) - 1);
    bits.unsigned(in_macroblocks(size.height) - 1);
    bits.bit(true); // frame_mbs_only_flag
    bits.bit(true); // direct_8x8_inference_flag
    let crop = [in_macroblocks(size.width) * 16 - size.width, in_macroblocks(size.height) * 16 - size.height];
    bits.bit(crop != [0, 0]);
    if crop != [0, 0] {
        // In units of two pixels: left, right, top, bottom.
        bits.unsigned(0);
        bits.unsigned(crop[0] / 2);
        bits.unsigned(0);
        bits.unsigned(crop[1] / 2);
    }
    bits.bit(false); // vui_parameters_present_flag
    nal_unit(3, 7, &bits.finish())
}

/// Encodes the picture parameter set: CAVLC, one slice group, the loop filter controlled by each slice.
pub(crate) fn picture_parameters() -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.unsigned(0); // pic_parameter_set_id
    bits.unsigned(0); // seq_parameter_set_id
    bits.bit(false); // entropy_coding_mode_flag
    bits.bit(false); // bottom_field_pic_order_in_frame_present_flag
    bits.unsigned(0); // num_slice_groups_minus1
    bits.unsigned(0); // num_ref_idx_l0_default_active_minus1
    bits.unsigned(0); // num_ref_idx_l1_default_active_minus1
    bits.bit(false); // weighted_pred_flag
    bits.bits(0, 2); // weighted_bipred_idc
    bits.signed(0); // pic_init_qp_minus26
    bits.signed(0); // pic_init_qs_minus26
    bits.signed(0); // chroma_qp_index_offset
    bits.bit(true); // deblocking_filter_control_present_flag
    bits.bit(false); // constrained_intra_pred_flag
    bits.bit(false); // redundant_pic_cnt_present_flag
    nal_unit(3, 8, &bits.finish())
}

/// Encodes a key frame, with every macroblock in full.
pub(crate) fn key_frame(picture: &Yuv) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.unsigned(0); // first_mb_in_slice
    bits.unsigned(7); // slice_type: I, as all slices of the picture
    bits.unsigned(0); // pic_parameter_set_id
    bits.bits(0, 4); // frame_num
    bits.unsigned(0); // idr_pic_id
    bits.bits(0, 2); // no_output_of_prior_pics_flag, long_term_reference_flag
    bits.signed(0); // slice_qp_delta
    bits.unsigned(1); // disable_deblocking_filter_idc
    for index in 0..picture.macroblocks() {
        bits.unsigned(25); // mb_type: I_PCM
        bits.align();
        bits.aligned_bytes(&picture.samples(index));
    }
    nal_unit(3, 5, &bits.finish())
}

/// Encodes the `number`th frame after a key frame: the `changed` macroblocks in full, all others skipped.
pub(crate) fn delta_frame(number: u32, picture: &Yuv, changed: &[usize]) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.unsigned(0); // first_mb_in_slice
    bits.unsigned(5); // slice_type: P, as all slices of the picture
    bits.unsigned(0); // pic_parameter_set_id
    bits.bits(number % 16, 4); // frame_num
    bits.bit(false); // num_ref_idx_active_override_flag
    bits.bit(false); // ref_pic_list_modification_flag_l0
    bits.bit(false); // adaptive_ref_pic_marking_mode_flag
    bits.signed(0); // slice_qp_delta
    bits.unsigned(1); // disable_deblocking_filter_idc
    let mut next = 0;
    for &index in changed {
        bits.unsigned((index - next) as u32); // mb_skip_run
        bits.unsigned(5 + 25); // mb_type: I_PCM within a P slice
        bits.align();
        bits.aligned_bytes(&picture.samples(index));
        next = index + 1;
    }
    if next < picture.macroblocks() {
        bits.unsigned((picture.macroblocks() - next) as u32);
    }
    nal_unit(2, 1, &bits.finish())
}

/// Encodes a NAL unit: the header byte and the payload, with emulation prevention bytes.
fn nal_unit(importance: u8, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut unit = Vec::with_capacity(payload.len() + 8);
    unit.push(importance << 5 | kind);
    let mut zeros = 0;
    for &byte in payload {
        if zeros == 2 && byte <= 3 {
            unit.push(3);
            zeros = 0;
        }
        unit.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_codes_in_the_payload_are_escaped() {
        assert_eq!(nal_unit(3, 5, &[0, 0, 1, 0, 0, 0, 9]), [0x65, 0, 0, 3, 1, 0, 0, 3, 0, 9]);
    }

    #[test]
    fn a_frame_without_changes_takes_less_than_16_bytes() {
        let picture = Yuv::new(Size::new(640, 360));
        assert_eq!(picture.macroblocks(), 40 * 23);
        assert!(delta_frame(1, &picture, &[]).len() < 16);
        assert!(key_frame(&picture).len() > 40 * 23 * 384);
    }

    #[test]
    fn restore_copies_one_macroblock() {
        let still = Yuv::new(Size::new(64, 64));
        let mut moved = Yuv::new(Size::new(64, 64));
        moved.set(20, 20, [255, 0, 0]);
        assert_ne!(moved.samples(5), still.samples(5));
        assert_eq!(moved.samples(6), still.samples(6));
        moved.restore(5, &still);
        assert_eq!(moved.samples(5), still.samples(5));
    }
}
