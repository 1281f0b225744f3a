/** The part of asciichart that is used; the package ships no types. */
declare module "asciichart" {
  interface PlotOptions {
    readonly height?: number;
    readonly format?: (value: number) => string;
  }
  export function plot(series: readonly number[] | readonly (readonly number[])[], options?: PlotOptions): string;
}
