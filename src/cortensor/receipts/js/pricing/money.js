// SPDX-License-Identifier: Apache-2.0
// Amounts of COR as exact text; money is a BigInt of wei everywhere else.

const WEI_PER_COR = 10n ** 18n;

/** Wei as COR with every significant digit and no more: 1500000000000000000n -> "1.5". */
export function formatCor(wei) {
  const [sign, size] = wei < 0n ? ["-", -wei] : ["", wei];
  const rest = String(size % WEI_PER_COR)
    .padStart(18, "0")
    .replace(/0+$/, "");
  return `${sign}${size / WEI_PER_COR}${rest ? `.${rest}` : ""}`;
}
