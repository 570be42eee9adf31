// SPDX-License-Identifier: MIT
pub use wasmtime_c_api::*;
