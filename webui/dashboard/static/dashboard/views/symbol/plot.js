// The drawing itself, by TradingView's lightweight-charts: candles, and volume below them. Colours are the page's own.
//
// Up is a hollow candle and down a filled one, so that nobody has to tell them apart by colour.

const LIBRARY = "../../vendor/lightweight-charts.js"; // loaded by who opens a symbol, and by nobody else
const VOLUME_SHARE = 0.2; // of the height

export async function openPlot(container, onCursor) {
  return new Plot(await import(LIBRARY), container, onCursor);
}

class Plot {
  // `onCursor(time)`: where the pointer is; null when it has left.
  constructor(library, container, onCursor) {
    this.library = library;
    this.times = [];
    this.chart = library.createChart(container, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 12 }, // its logo brings a <style>; the view has the link
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.06, bottom: VOLUME_SHARE + 0.06 } },
      timeScale: { borderVisible: false, rightOffset: 3, minBarSpacing: 0.3 },
      crosshair: { mode: library.CrosshairMode.Normal },
      handleScroll: { vertTouchDrag: false }, // a finger scrolls the page past the chart
      localization: { locale: "en-US" },
    });
    this.candles = this.chart.addSeries(library.CandlestickSeries, { borderVisible: true });
    this.volume = this.chart.addSeries(library.HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 1 - VOLUME_SHARE, bottom: 0 } });
    this.markers = library.createSeriesMarkers(this.candles, []);
    this.marked = null;
    this.chart.subscribeCrosshairMove(({ time, point }) => onCursor(point === undefined ? null : (time ?? null)));
    this.paint = this.paint.bind(this);
    this.system = matchMedia("(prefers-color-scheme: light)");
    this.system.addEventListener("change", this.paint);
    addEventListener("themechange", this.paint);
    this.paint();
  }

  // Candles, ascending: {time, open, high, low, close, volume}, the time a day or seconds since 1970 (UTC).
  show(candles, { seconds, digits }) {
    this.shown = candles;
    this.times = candles.map((candle) => candle.time);
    const clockwise = typeof candles[0]?.time === "number";
    this.chart.applyOptions({ timeScale: { timeVisible: clockwise, secondsVisible: seconds } });
    this.candles.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
    this.mark(null);
    this.candles.setData(candles.map(priceOf));
    this.volume.setData(candles.map((candle) => this.volumeOf(candle)));
  }

  // A candle that is new, or has changed.
  update(candle) {
    const newest = this.times.at(-1);
    const earlier = newest !== undefined && candle.time < newest;
    if (newest === undefined || candle.time > newest) {
      this.times.push(candle.time);
      this.shown.push(candle);
    } else {
      const at = earlier ? this.times.lastIndexOf(candle.time) : this.times.length - 1;
      if (at < 0) return; // the caller shows all of them again
      this.shown[at] = candle;
    }
    this.candles.update(priceOf(candle), earlier);
    this.volume.update(this.volumeOf(candle), earlier);
  }

  // The newest `count` candles; all of them without.
  zoom(count) {
    const scale = this.chart.timeScale();
    if (count === undefined) return scale.fitContent();
    return scale.setVisibleLogicalRange({ from: this.times.length - count - 0.5, to: this.times.length + 1.5 });
  }

  // By `factor` around the newest candle that is seen.
  zoomBy(factor) {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (range === null) return;
    const width = Math.max(5, Math.min(this.times.length + 10, (range.to - range.from) * factor));
    this.chart.timeScale().setVisibleLogicalRange({ from: range.to - width, to: range.to });
  }

  // The crosshair at a candle, in sight; null: away.
  point(index) {
    const candle = index === null ? undefined : this.shown[index];
    if (candle === undefined) return this.chart.clearCrosshairPosition();
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (range && (index < range.from || index > range.to)) {
      const half = (range.to - range.from) / 2;
      scale.setVisibleLogicalRange({ from: index - half, to: index + half });
    }
    return this.chart.setCrosshairPosition(candle.close, candle.time, this.candles);
  }

  // A word at a candle; null: none.
  mark(time, text = "") {
    const key = time === null ? null : `${time} ${text}`;
    if (key === this.marked) return;
    this.marked = key;
    const { amber } = colours();
    const one = { time, position: "belowBar", shape: "arrowUp", color: amber, text };
    this.markers.setMarkers(time !== null && this.times.includes(time) ? [one] : []);
  }

  paint() {
    const { panel, line, text, quiet, up, down } = colours();
    this.chart.applyOptions({
      layout: { background: { color: panel }, textColor: quiet, fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { vertLines: { visible: false }, horzLines: { color: line } },
      crosshair: Object.fromEntries(["vertLine", "horzLine"].map((name) => [name, { color: quiet, labelBackgroundColor: colours().edge }])),
    });
    this.candles.applyOptions({
      upColor: panel, borderUpColor: up, wickUpColor: up, downColor: down, borderDownColor: down, wickDownColor: down, priceLineColor: text,
    });
    if (this.shown) this.volume.setData(this.shown.map((candle) => this.volumeOf(candle)));
  }

  volumeOf({ time, open, close, volume }) {
    const { upWash, downWash } = colours();
    return { time, value: volume, color: close >= open ? upWash : downWash };
  }

  close() {
    this.system.removeEventListener("change", this.paint);
    removeEventListener("themechange", this.paint);
    this.chart.remove();
  }
}

function priceOf({ time, open, high, low, close }) {
  return { time, open, high, low, close };
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = { panel: "panel", line: "line", edge: "edge", text: "text", quiet: "quiet", amber: "amber", up: "up", down: "down" };
  const found = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, style.getPropertyValue(`--${name}`).trim()]));
  return { ...found, upWash: `${found.up}80`, downWash: `${found.down}80` };
}
