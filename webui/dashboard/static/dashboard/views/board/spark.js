// A small line of prices on a canvas, in the colour of its direction.

export function drawSpark(canvas, values) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
  if (width === 0) return;
  if (canvas.width !== Math.round(width)) canvas.width = Math.round(width);
  if (canvas.height !== Math.round(height)) canvas.height = Math.round(height);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (values.length < 2) return;
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = 3 * scale;
  const x = (at) => room + ((canvas.width - 2 * room) * at) / (values.length - 1);
  const y = (value) => (high === low ? canvas.height / 2 : canvas.height - room - ((canvas.height - 2 * room) * (value - low)) / (high - low));
  const first = values[0];
  const last = values.at(-1);
  pen.strokeStyle = pen.fillStyle = getComputedStyle(canvas).getPropertyValue(last > first ? "--up" : last < first ? "--down" : "--quiet");
  pen.lineWidth = 1.5 * scale;
  pen.lineJoin = "round";
  pen.beginPath();
  values.forEach((value, at) => (at === 0 ? pen.moveTo(x(0), y(value)) : pen.lineTo(x(at), y(value))));
  pen.stroke();
  pen.beginPath();
  pen.arc(x(values.length - 1), y(last), 2 * scale, 0, 2 * Math.PI);
  pen.fill();
}
